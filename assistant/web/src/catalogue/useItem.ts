import { useQuery } from "@tanstack/react-query";
import { type RefObject, useEffect, useState } from "react";
import { getItem } from "../api/client";
import type { ItemDetail } from "../api/types";

export const itemQuery = (id: string) => ({ queryKey: ["item", id], queryFn: () => getItem(id) });

/** Everything known of an item, read when the element comes near the window; undefined until then. */
export function useItemNear(id: string, place: RefObject<Element | null>, isWanted: boolean): ItemDetail | undefined {
  const [isNear, setNear] = useState(false);
  useEffect(() => {
    if (!place.current) return;
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && setNear(true), {
      rootMargin: "400px",
    });
    observer.observe(place.current);
    return () => observer.disconnect();
  }, [place]);
  return useQuery({ ...itemQuery(id), enabled: isNear && isWanted }).data;
}

/** The addresses of an item's photos, or, where it has none, of the frames of its videos. */
export function pictureUrls({ pictures }: ItemDetail): string[] {
  const urls = (of: ItemDetail["pictures"]) => of.flatMap(({ url }) => (url ? [url.replace(/^\//, "")] : []));
  const photos = urls(pictures.filter(({ moment }) => !moment));
  return photos.length ? photos : urls(pictures);
}
