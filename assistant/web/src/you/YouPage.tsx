import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Download, Minus, Plus, RotateCcw, Trash2 } from "lucide-react";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import {
  catalogueStats,
  changePreference,
  dropPreference,
  dropTaste,
  forgetMe,
  myDataUrl,
  myProfile,
} from "../api/client";
import { asProblem } from "../api/problem";
import type { LikedElsewhere, Preference, Profile, Regarded } from "../api/types";
import { forgetAll } from "../chat/conversations";
import { useMessages, useSpeech } from "../i18n";
import { price, sentence } from "../i18n/format";
import { Button, buttonClass, IconButton } from "../ui/Button";
import { Notice } from "../ui/Notice";
import { Overlay } from "../ui/Overlay";
import { Loading } from "../ui/Spinner";
import css from "./YouPage.module.css";

const PROFILE = ["profile"];

/** What the assistant takes the user to like, to be corrected, and what it keeps, to be taken away or forgotten. */
export default function YouPage() {
  const t = useMessages();
  const { data, error } = useQuery({ queryKey: PROFILE, queryFn: myProfile, staleTime: 0 });
  return (
    <div className={css.page}>
      <h1>{t.you.title}</h1>
      <p className={css.lead}>{t.you.lead}</p>
      {error && <Notice kind="problem">{sentence(asProblem(error), t)}</Notice>}
      {!data && !error && <Loading />}
      {data && <Tastes profile={data} />}
      {data && <Items title={t.you.liked} items={data.liked} />}
      {data && <Items title={t.you.disliked} items={data.disliked} />}
      <Data />
    </div>
  );
}

function Tastes({ profile }: { profile: Profile }) {
  const { t, locale } = useSpeech();
  const { data: stats } = useQuery({ queryKey: ["stats"], queryFn: catalogueStats });
  const currency = stats?.currencies.length === 1 ? stats.currencies[0] : null;
  const said = new Set(profile.corrected.map(keyOf));
  const [low, high] = profile.price ?? [];
  const isEmpty = profile.preferences.length + profile.imported.length === 0 && low === undefined;
  return (
    <section aria-labelledby="tastes">
      <h2 id="tastes">{t.you.tastes}</h2>
      {isEmpty && <p>{t.you.nothing}</p>}
      {low !== undefined && high !== undefined && (
        <p>{t.you.price(price(low, currency, locale) ?? "", price(high, currency, locale) ?? "")}</p>
      )}
      <ul className={css.tastes}>
        {profile.preferences.map((one) => (
          <Taste key={keyOf(one)} preference={one} yours={said.has(keyOf(one))} />
        ))}
        {profile.imported.map((one) => (
          <Elsewhere key={one.catalogue} taste={one} />
        ))}
      </ul>
    </section>
  );
}

const keyOf = ({ attribute, value }: Preference) => JSON.stringify([attribute, value]);

function Taste({ preference, yours }: { preference: Preference; yours: boolean }) {
  const t = useMessages();
  const queries = useQueryClient();
  const { attribute, value, weight } = preference;
  const change = useMutation({
    mutationFn: (to: number | null) =>
      to === null ? dropPreference(attribute, value) : changePreference({ attribute, value, weight: to }),
    onSettled: () => queries.invalidateQueries({ queryKey: PROFILE }),
  });
  return (
    <li className={css.taste}>
      <span className={css.name}>
        <span className={css.attribute}>{t.you.attributes[attribute] ?? attribute}</span> {value}
      </span>
      <span className={css.strength} data-sign={Math.sign(weight)}>
        {t.you.strength(weight)}
        {yours && <span className={css.yours}>{t.you.yours}</span>}
      </span>
      <span className={css.actions}>
        <IconButton label={t.you.more(value)} small onPress={() => change.mutate(1)} isDisabled={change.isPending}>
          <Plus size={16} aria-hidden />
        </IconButton>
        <IconButton label={t.you.less(value)} small onPress={() => change.mutate(-1)} isDisabled={change.isPending}>
          <Minus size={16} aria-hidden />
        </IconButton>
        {yours && (
          <IconButton
            label={t.you.reset(value)}
            small
            onPress={() => change.mutate(null)}
            isDisabled={change.isPending}
          >
            <RotateCcw size={16} aria-hidden />
          </IconButton>
        )}
      </span>
      {change.error && <Notice kind="problem">{sentence(asProblem(change.error), t)}</Notice>}
    </li>
  );
}

function Elsewhere({ taste }: { taste: LikedElsewhere }) {
  const t = useMessages();
  const queries = useQueryClient();
  const drop = useMutation({
    mutationFn: () => dropTaste(taste.catalogue),
    onSettled: () => queries.invalidateQueries({ queryKey: PROFILE }),
  });
  return (
    <li className={css.taste}>
      <span className={css.name}>{t.you.elsewhere(taste.catalogue, taste.items)}</span>
      <span className={css.actions}>
        <IconButton
          label={t.you.dropElsewhere(taste.catalogue)}
          small
          onPress={() => drop.mutate()}
          isDisabled={drop.isPending}
        >
          <Trash2 size={16} aria-hidden />
        </IconButton>
      </span>
      {drop.error && <Notice kind="problem">{sentence(asProblem(drop.error), t)}</Notice>}
    </li>
  );
}

function Items({ title, items }: { title: string; items: Regarded[] }) {
  if (!items.length) return null;
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      <ul className={css.items}>
        {items.map((item) => (
          <li key={item.item_id}>
            {item.title ? (
              <Link href={`/catalogue/${encodeURIComponent(item.item_id)}`}>{item.title}</Link>
            ) : (
              item.item_id
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Data() {
  const t = useMessages();
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const [asked, setAsked] = useState(false);
  const forget = useMutation({
    mutationFn: forgetMe,
    onSuccess: () => {
      setAsked(false);
      forgetAll();
      navigate("/");
      return queries.invalidateQueries();
    },
  });
  return (
    <section aria-labelledby="data">
      <h2 id="data">{t.you.data}</h2>
      <p>{t.you.dataText}</p>
      <div className={css.buttons}>
        <a className={buttonClass({})} href={myDataUrl} download>
          <Download size={17} aria-hidden />
          {t.you.download}
        </a>
        <Button look="danger" onPress={() => setAsked(true)}>
          <Trash2 size={17} aria-hidden />
          {t.you.forget}
        </Button>
      </div>
      <Overlay
        role="alertdialog"
        title={t.you.forgetTitle}
        isOpen={asked}
        onClose={() => setAsked(false)}
        actions={
          <>
            <Button onPress={() => setAsked(false)}>{t.cancel}</Button>
            <Button look="danger" onPress={() => forget.mutate()} isDisabled={forget.isPending}>
              {t.you.forget}
            </Button>
          </>
        }
      >
        <p>{t.you.forgetText}</p>
        {forget.error && <Notice kind="problem">{sentence(asProblem(forget.error), t)}</Notice>}
      </Overlay>
    </section>
  );
}
