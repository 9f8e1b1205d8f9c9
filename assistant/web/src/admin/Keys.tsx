import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Trash2 } from "lucide-react";
import { useState } from "react";
import { logIn } from "../api/client";
import { useSpeech } from "../i18n";
import { Button, IconButton } from "../ui/Button";
import { Loading } from "../ui/Spinner";
import css from "./Admin.module.css";
import { createKey, getKeys, type Key, revokeKey } from "./api";
import { Failure, Select, TextInput } from "./fields";
import { useWords } from "./words";

type Role = Exclude<Key["role"], "visitor" | "nobody">;
const ROLES = ["admin", "service", "shopper"] as const;

export function KeysPart() {
  const t = useWords().keys;
  const { locale } = useSpeech();
  const queries = useQueryClient();
  const { data, error } = useQuery({ queryKey: ["keys"], queryFn: getKeys, staleTime: 0 });
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("admin");
  const [days, setDays] = useState("");
  const again = () => queries.invalidateQueries({ queryKey: ["keys"] });
  const create = useMutation({
    mutationFn: async () => {
      const made = await createKey(name.trim(), role, Number(days) || null);
      if (!data?.length) await logIn(made.secret); // from the first key on, this page needs one itself
      return made;
    },
    onSuccess: async () => {
      setName("");
      await queries.invalidateQueries({ queryKey: ["info"] });
      await again();
    },
  });
  const revoke = useMutation({ mutationFn: revokeKey, onSettled: again });
  return (
    <>
      <p className={css.lead}>{t.lead}</p>
      {create.data && (
        <div className={css.box} role="status">
          <p>{t.secret(create.data.name)}</p>
          <code className={css.secret}>{create.data.secret}</code>
        </div>
      )}
      <form
        className={css.adding}
        onSubmit={(event) => {
          event.preventDefault();
          if (name.trim()) create.mutate();
        }}
      >
        <TextInput label={t.name} value={name} onChange={setName} required maxLength={100} />
        <Select
          label={t.role}
          value={role}
          onChange={(chosen) => setRole(chosen as Role)}
          options={ROLES.map((one) => [one, t.roles[one]])}
        />
        <TextInput label={t.days} value={days} onChange={setDays} type="number" min={1} />
        <Button look="primary" type="submit" isDisabled={create.isPending}>
          {t.create}
        </Button>
      </form>
      <Failure error={create.error ?? revoke.error ?? (create.data ? null : error)} />
      {!data && !error && <Loading />}
      {data?.length === 0 && <p>{t.none}</p>}
      <ul className={css.rows}>
        {data?.map((key) => (
          <li key={key.id}>
            <span>
              {key.name} · {key.role}
              {key.expires_at ? ` · ${t.until(new Date(key.expires_at * 1000).toLocaleString(locale))}` : ""}
            </span>
            <IconButton small label={t.revoke(key.name)} onPress={() => revoke.mutate(key.id)}>
              <Trash2 size={16} aria-hidden />
            </IconButton>
          </li>
        ))}
      </ul>
    </>
  );
}
