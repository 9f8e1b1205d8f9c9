import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { info } from "../api/client";
import { logins } from "../api/problem";

const KEY = ["info"];

/** What the service says of itself. */
export const useInfo = () => useQuery({ queryKey: KEY, queryFn: info, staleTime: 5 * 60_000 });

/** Ask who is logged in as soon as a request is refused: a key may have been revoked meanwhile. */
export function useWatchedLogin() {
  const queries = useQueryClient();
  useEffect(() => {
    const askAgain = () => queries.invalidateQueries({ queryKey: KEY });
    logins.addEventListener("refused", askAgain);
    return () => logins.removeEventListener("refused", askAgain);
  }, [queries]);
}
