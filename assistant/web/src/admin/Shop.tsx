import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { shop } from "../api/client";
import { LANGUAGES } from "../i18n";
import { Button } from "../ui/Button";
import { Loading } from "../ui/Spinner";
import css from "./Admin.module.css";
import { dropLogo, getProfile, putLogo, putProfile, type ShopProfile } from "./api";
import { Failure, FileInput, Select, TextArea, TextInput } from "./fields";
import { useWords } from "./words";

export function ShopPart() {
  const t = useWords().shop;
  const { data, error } = useQuery({ queryKey: ["profile of the shop"], queryFn: getProfile, staleTime: 0 });
  return (
    <>
      <p className={css.lead}>{t.lead}</p>
      <Logo />
      <Failure error={error} />
      {!data && !error && <Loading />}
      {data && <Form first={data} />}
    </>
  );
}

function Logo() {
  const t = useWords().shop;
  const queries = useQueryClient();
  const { data } = useQuery({ queryKey: ["shop"], queryFn: shop, staleTime: 0 });
  const change = useMutation({
    mutationFn: (file: File | null) => (file ? putLogo(file) : dropLogo()),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["shop"] }),
  });
  return (
    <div className={css.buttons}>
      {data?.logo && <img className={css.logo} src={data.logo.replace(/^\//, "")} alt="" />}
      <FileInput label={t.logo} accept="image/png,image/jpeg,image/webp" onFile={(file) => change.mutate(file)} />
      {data?.logo && <Button onPress={() => change.mutate(null)}>{t.noLogo}</Button>}
      <Failure error={change.error} />
    </div>
  );
}

const lines = (text: string) =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);

function Form({ first }: { first: ShopProfile }) {
  const words = useWords();
  const t = words.shop;
  const queries = useQueryClient();
  const [profile, setProfile] = useState(first);
  const [languages, setLanguages] = useState(first.languages.join(", "));
  const [pages, setPages] = useState(first.pages.map(({ title, url }) => `${title} | ${url}`).join("\n"));
  const set = (change: Partial<ShopProfile>) => setProfile({ ...profile, ...change });
  const spoken = languages.split(/[\s,]+/).filter(Boolean);
  const save = useMutation({
    mutationFn: () => {
      const said = lines(pages).map((line) => line.split("|"));
      return putProfile({
        ...profile,
        languages: spoken,
        greeting: Object.fromEntries(Object.entries(profile.greeting).filter(([, text]) => text.trim())),
        examples: Object.fromEntries(
          Object.entries(profile.examples).map(([language, wishes]) => [language, wishes.filter((one) => one.trim())]),
        ),
        pages: said.map(([title = "", ...url]) => ({ title: title.trim(), url: url.join("|").trim() })),
      });
    },
    onSuccess: () => queries.invalidateQueries({ queryKey: ["shop"] }),
  });
  const shown = spoken.length ? spoken : Object.keys(LANGUAGES);
  return (
    <form
      className={css.form}
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <TextInput label={t.name} value={profile.name} onChange={(name) => set({ name })} maxLength={100} />
      <div className={css.grid}>
        {(["light", "dark"] as const).map((on) => (
          <TextInput
            key={on}
            label={t[on]}
            value={profile.colours[on] ?? ""}
            onChange={(colour) => set({ colours: { ...profile.colours, [on]: colour.trim() || null } })}
            maxLength={7}
          />
        ))}
        <TextInput label={t.languages} value={languages} onChange={setLanguages} />
        <TextInput
          label={t.currency}
          value={profile.currency ?? ""}
          onChange={(currency) => set({ currency: currency.trim().toUpperCase() || null })}
          maxLength={3}
        />
      </div>
      <Select
        label={t.kind}
        value={profile.kind}
        onChange={(kind) => set({ kind: kind as ShopProfile["kind"] })}
        options={Object.entries(t.kinds)}
      />
      {shown.map((language) => (
        <div key={language} className={css.form}>
          <TextInput
            label={t.greeting(language)}
            value={profile.greeting[language] ?? ""}
            onChange={(text) => set({ greeting: { ...profile.greeting, [language]: text } })}
            lang={language}
            maxLength={300}
          />
          <TextArea
            label={t.examples(language)}
            value={(profile.examples[language] ?? []).join("\n")}
            onChange={(text) => set({ examples: { ...profile.examples, [language]: text.split("\n") } })}
            lang={language}
          />
        </div>
      ))}
      <TextInput label={t.contact} value={profile.contact} onChange={(contact) => set({ contact })} maxLength={300} />
      <TextInput
        label={t.itemLink}
        value={profile.item_link ?? ""}
        onChange={(link) => set({ item_link: link.trim() || null })}
        placeholder="https://shop.example/p/{id}"
      />
      <TextInput
        label={t.cartLink}
        value={profile.cart_link ?? ""}
        onChange={(link) => set({ cart_link: link.trim() || null })}
        placeholder="https://shop.example/cart?add={id}"
      />
      <TextArea label={t.pages} value={pages} onChange={setPages} />
      <Failure error={save.error} />
      <div className={css.buttons}>
        <Button look="primary" type="submit" isDisabled={save.isPending}>
          {words.save}
        </Button>
        <span role="status">{save.isSuccess && words.saved}</span>
      </div>
    </form>
  );
}
