import { Link, Redirect, Route, Switch } from "wouter";
import { useInfo } from "../app/info";
import { LogIn } from "../app/LogIn";
import { Notice } from "../ui/Notice";
import { Loading } from "../ui/Spinner";
import css from "./Admin.module.css";
import { FeedPart } from "./Feed";
import { HealthPart } from "./Health";
import { InsightsPart } from "./Insights";
import { KeysPart } from "./Keys";
import { RulesPart } from "./Rules";
import { ShopPart } from "./Shop";
import { useWords } from "./words";

const PARTS = {
  insights: InsightsPart,
  feed: FeedPart,
  shop: ShopPart,
  rules: RulesPart,
  keys: KeysPart,
  health: HealthPart,
};
type Part = keyof typeof PARTS;
const NAMES = Object.keys(PARTS) as Part[];

/** What whoever runs the shop sees and sets. */
export default function AdminPage({ part }: { part?: string }) {
  const t = useWords();
  const { data } = useInfo();
  if (!data) return <Loading />;
  if (data.role !== "admin") {
    if (data.auth === "key" && data.role === "visitor") return <LogIn />;
    return (
      <div className={css.page}>
        <Notice kind="warning">{t.onlyAdmins}</Notice>
      </div>
    );
  }
  return (
    <div className={css.page}>
      <h1>{t.title}</h1>
      <nav aria-label={t.nav} className={css.parts}>
        {NAMES.map((name) => (
          <Link key={name} href={`/admin/${name}`} aria-current={name === part ? "page" : undefined}>
            {t.parts[name]}
          </Link>
        ))}
      </nav>
      <Switch>
        {NAMES.map((name) => (
          <Route key={name} path={`/admin/${name}`} component={PARTS[name]} />
        ))}
        <Route>
          <Redirect to="/admin/insights" replace />
        </Route>
      </Switch>
    </div>
  );
}
