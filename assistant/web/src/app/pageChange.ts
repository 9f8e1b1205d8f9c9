import { useEffect, useRef } from "react";

/** What a browser does by itself when a page is loaded: name it, begin at its top, and not lose the keyboard's place. */
export function usePageChange(location: string, title: string) {
  const before = useRef(location);
  useEffect(() => {
    document.title = title;
  }, [title]);
  useEffect(() => {
    if (before.current === location) return;
    before.current = location;
    scrollTo(0, 0);
    if (document.activeElement === document.body) document.getElementById("content")?.focus();
  }, [location]);
}
