import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useDeferredValue } from "react";
import { findItems } from "../api/client";
import { asProblem } from "../api/problem";
import { useCounted } from "../app/shop";
import { useMessages } from "../i18n";
import { sentence } from "../i18n/format";
import { Button } from "../ui/Button";
import { Notice } from "../ui/Notice";
import { Loading, Spinner } from "../ui/Spinner";
import css from "./CataloguePage.module.css";
import { Filters } from "./Filters";
import { useFilter } from "./filter";
import { ItemGrid } from "./ItemGrid";

const PAGE = 24;

/** The catalogue: search, filter, look. */
export default function CataloguePage() {
  const t = useMessages();
  const counted = useCounted();
  const filter = useDeferredValue(useFilter());
  const { data, error, isFetching, hasNextPage, fetchNextPage, refetch } = useInfiniteQuery({
    queryKey: ["items", filter],
    queryFn: ({ pageParam, signal }) => findItems(filter, pageParam, PAGE, signal),
    initialPageParam: 0,
    getNextPageParam: (last, pages) => {
      const shown = pages.reduce((count, page) => count + page.items.length, 0);
      return last.items.length && shown < last.total ? shown : undefined;
    },
    placeholderData: keepPreviousData,
  });
  const items = data?.pages.flatMap((page) => page.items) ?? [];
  const found = counted(data?.pages[0]?.total ?? 0, t.catalogue.found);
  return (
    <div className={css.page}>
      <h1>{t.catalogue.title}</h1>
      <Filters />
      <p className={css.count} role="status">
        {data && (data.pages[0]?.has_more ? t.catalogue.moreThan(found) : found)}
        {isFetching && <Spinner />}
      </p>
      {error && (
        <Notice kind="problem" action={<Button onPress={() => refetch()}>{t.retry}</Button>}>
          {sentence(asProblem(error), t)}
        </Notice>
      )}
      {!data && !error && <Loading />}
      {data && !items.length && <p>{t.catalogue.none}</p>}
      <ItemGrid items={items} label={t.catalogue.items} />
      {hasNextPage && (
        <div className={css.more}>
          <Button onPress={() => fetchNextPage()} isDisabled={isFetching}>
            {t.catalogue.more}
          </Button>
        </div>
      )}
    </div>
  );
}
