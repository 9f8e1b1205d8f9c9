import { useQueries } from "@tanstack/react-query";
import { useState } from "react";
import type { Item } from "../api/types";
import { itemQuery } from "../catalogue/useItem";
import type { CardView, Turn } from "./turn";

const AT_ONCE = 6;

/** What an answer found beyond its cards, a few more each time that is asked for, and what is known of all of them. */
export function useFurther(turn: Turn) {
  const [count, setCount] = useState(0);
  const ids = turn.groups.length ? [] : (turn.reply?.further ?? []); // of several wishes it is unknown whose they are
  const wanted = ids.slice(0, count);
  const { items, isLoading } = useQueries({
    queries: (count ? [...turn.cards.map((card) => card.item_id), ...wanted] : []).map(itemQuery),
    combine: (results) => ({
      items: new Map(results.flatMap(({ data }) => (data ? [[data.item.id, data.item] as const] : []))),
      isLoading: results.some(({ isPending }) => isPending),
    }),
  });
  const cards = wanted.map((id) => items.get(id)).filter((item) => item !== undefined);
  return {
    items,
    isLoading,
    cards: cards.map(cardOf),
    left: Math.max(0, ids.length - count),
    showMore: () => setCount(count + AT_ONCE),
  };
}

const cardOf = ({ id, title, price, currency }: Item): CardView => ({
  item_id: id,
  title,
  price,
  currency,
  variant: null,
  explanation: "",
  explainedBy: null,
  evidence: [],
});
