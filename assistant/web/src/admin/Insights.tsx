import { useQuery } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import { Loading } from "../ui/Spinner";
import css from "./Admin.module.css";
import { csvUrl, getInsights, type Insights, type WishCount } from "./api";
import { Failure, Select, Table } from "./fields";
import { useWords } from "./words";

const COUNTS = ["conversations", "turns", "found_nothing", "refused", "clicked", "liked", "carted", "bought"] as const;
const OF_ITEMS = ["shown", "clicked", "liked", "carted", "bought"] as const;
const WISHES = ["wishes", "wishes_without_result", "refused"] as const;

export function InsightsPart() {
  const t = useWords().insights;
  const [days, setDays] = useState("30");
  const { data, error } = useQuery({ queryKey: ["insights", days], queryFn: () => getInsights(Number(days)) });
  return (
    <>
      <p className={css.lead}>{t.lead}</p>
      <Select
        label={t.days}
        value={days}
        onChange={setDays}
        options={[1, 7, 30, 90, 365].map((count) => [String(count), t.lastDays(count)])}
      />
      <Failure error={error} />
      {!data && !error && <Loading />}
      {data && <Report insights={data} days={Number(days)} />}
    </>
  );
}

function Report({ insights, days }: { insights: Insights; days: number }) {
  const t = useWords().insights;
  const busy = insights.days.filter((day) => COUNTS.some((name) => day[name])).reverse();
  if (!busy.length) return <p>{t.nothing}</p>;
  return (
    <>
      <h2>{t.byDay}</h2>
      <Table label={t.byDay} head={[t.columns.day, ...COUNTS.map((name) => t.columns[name])]}>
        {busy.map((day) => (
          <tr key={day.day}>
            <th scope="row">{day.day}</th>
            {COUNTS.map((name) => (
              <td key={name}>{day[name]}</td>
            ))}
          </tr>
        ))}
      </Table>
      {WISHES.map((name) => (
        <Wishes key={name} title={t[name]} wishes={insights[name]} />
      ))}
      {insights.items.length > 0 && <h2>{t.items}</h2>}
      {insights.items.length > 0 && (
        <Table label={t.items} head={[t.columns.item, ...OF_ITEMS.map((name) => t.columns[name])]}>
          {insights.items.map((item) => (
            <tr key={item.item_id}>
              <th scope="row">
                {item.title ? (
                  <Link href={`/catalogue/${encodeURIComponent(item.item_id)}`}>{item.title}</Link>
                ) : (
                  `${item.item_id} (${t.gone})`
                )}
              </th>
              {OF_ITEMS.map((name) => (
                <td key={name}>{item[name]}</td>
              ))}
            </tr>
          ))}
        </Table>
      )}
      <ul className={css.links}>
        {(["days", ...WISHES, "items"] as const).map((table) => (
          <li key={table}>
            <a href={csvUrl(table, days)} download>
              <Download size={15} aria-hidden />
              {t.csv(table === "days" ? t.byDay : t[table])}
            </a>
          </li>
        ))}
      </ul>
    </>
  );
}

function Wishes({ title, wishes }: { title: string; wishes: WishCount[] }) {
  const t = useWords().insights;
  if (!wishes.length) return null;
  return (
    <>
      <h2>{title}</h2>
      <Table label={title} head={[t.columns.wish, t.columns.conversations, t.columns.turns]}>
        {wishes.map((wish) => (
          <tr key={wish.wish}>
            <th scope="row">{wish.wish}</th>
            <td>{wish.conversations}</td>
            <td>{wish.turns}</td>
          </tr>
        ))}
      </Table>
    </>
  );
}
