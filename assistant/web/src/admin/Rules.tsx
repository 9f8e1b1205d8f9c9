import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Trash2 } from "lucide-react";
import { type ReactNode, useId, useState } from "react";
import { findItems } from "../api/client";
import { Button, IconButton } from "../ui/Button";
import { Loading } from "../ui/Spinner";
import css from "./Admin.module.css";
import { getRules, putRules, type Rules, type RulesOut } from "./api";
import { Failure, TextInput } from "./fields";
import { useWords } from "./words";

const RULES = ["rules"];

export function RulesPart() {
  const t = useWords().rules;
  const { data, error } = useQuery({ queryKey: RULES, queryFn: getRules, staleTime: 0 });
  return (
    <>
      <p className={css.lead}>{t.lead}</p>
      <Failure error={error} />
      {!data && !error && <Loading />}
      {data && <Lists data={data} />}
    </>
  );
}

function Lists({ data: { rules, titles } }: { data: RulesOut }) {
  const words = useWords();
  const t = words.rules;
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: (part: Partial<Rules>) => putRules({ ...rules, ...part }),
    onSuccess: (after) => {
      queries.setQueryData(RULES, after);
      return queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== RULES[0] });
    },
  });
  const title = (id: string) => `${titles[id] ?? t.unknown} [${id}]`;
  const row = (key: string, text: ReactNode, name: string, part: Partial<Rules>) => (
    <li key={key}>
      <span>{text}</span>
      <IconButton small label={words.remove(name)} onPress={() => change.mutate(part)} isDisabled={change.isPending}>
        <Trash2 size={16} aria-hidden />
      </IconButton>
    </li>
  );
  return (
    <>
      <Failure error={change.error} />
      <section aria-labelledby="synonyms" className={css.box}>
        <h2 id="synonyms">{t.synonyms}</h2>
        <ul className={css.rows}>
          {Object.entries(rules.synonyms).map(([said, means]) => {
            const { [said]: _, ...others } = rules.synonyms;
            return row(said, `${said} → ${means}`, said, { synonyms: others });
          })}
        </ul>
        <Adding
          first={t.said}
          second={t.means}
          needsSecond
          onAdd={(said, means) => change.mutate({ synonyms: { ...rules.synonyms, [said]: means } })}
        />
      </section>
      <section aria-labelledby="pinned" className={css.box}>
        <h2 id="pinned">{t.pinned}</h2>
        <p className={css.lead}>{t.pinnedLead}</p>
        <ul className={css.rows}>
          {rules.pinned.map((pin, place) =>
            row(
              `${pin.item_id} ${pin.wish}`,
              `${title(pin.item_id)} ${pin.wish ? t.forWish(pin.wish) : t.anywhere}`,
              title(pin.item_id),
              { pinned: rules.pinned.filter((_, other) => other !== place) },
            ),
          )}
        </ul>
        <Adding
          first={t.item}
          second={t.wish}
          ofItems
          onAdd={(item_id, wish) => change.mutate({ pinned: [...rules.pinned, { item_id, wish }] })}
        />
      </section>
      <section aria-labelledby="hidden" className={css.box}>
        <h2 id="hidden">{t.hidden}</h2>
        <ul className={css.rows}>
          {rules.hidden.map((id) =>
            row(id, title(id), title(id), { hidden: rules.hidden.filter((one) => one !== id) }),
          )}
        </ul>
        <Adding first={t.item} ofItems onAdd={(id) => change.mutate({ hidden: [...rules.hidden, id] })} />
      </section>
    </>
  );
}

interface Added {
  first: string;
  second?: string;
  needsSecond?: boolean;
  /** Whether the first field takes an item's id; items are then offered by their titles. */
  ofItems?: boolean;
  onAdd: (first: string, second: string) => void;
}

function Adding({ first, second, needsSecond, ofItems, onAdd }: Added) {
  const words = useWords();
  const list = useId();
  const [one, setOne] = useState("");
  const [two, setTwo] = useState("");
  const asked = one.trim();
  const { data } = useQuery({
    queryKey: ["items offered", asked],
    queryFn: ({ signal }) => findItems({ query: asked }, 0, 8, signal),
    enabled: Boolean(ofItems) && asked.length > 1,
  });
  return (
    <form
      className={css.adding}
      onSubmit={(event) => {
        event.preventDefault();
        if (!asked || (needsSecond && !two.trim())) return;
        onAdd(asked, two.trim());
        setOne("");
        setTwo("");
      }}
    >
      <TextInput label={first} value={one} onChange={setOne} list={ofItems ? list : undefined} autoComplete="off" />
      {ofItems && (
        <datalist id={list}>
          {data?.items.map((item) => (
            <option key={item.item_id} value={item.item_id}>
              {item.title}
            </option>
          ))}
        </datalist>
      )}
      {second && <TextInput label={second} value={two} onChange={setTwo} maxLength={100} />}
      <Button type="submit">{words.add}</Button>
    </form>
  );
}
