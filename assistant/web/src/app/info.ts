import { useQuery } from "@tanstack/react-query";
import { info } from "../api/client";

/** What the service says of itself. */
export const useInfo = () => useQuery({ queryKey: ["info"], queryFn: info, staleTime: 5 * 60_000 });
