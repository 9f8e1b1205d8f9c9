import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Form, Input, Label, TextField } from "react-aria-components";
import { logIn } from "../api/client";
import { asProblem } from "../api/problem";
import { forgetAll } from "../chat/conversations";
import { useMessages } from "../i18n";
import { sentence } from "../i18n/format";
import { Button } from "../ui/Button";
import field from "../ui/Field.module.css";
import { Notice } from "../ui/Notice";
import css from "./Gate.module.css";

export function LogIn() {
  const t = useMessages();
  const queries = useQueryClient();
  const [key, setKey] = useState("");
  const login = useMutation({
    mutationFn: () => logIn(key.trim()),
    onSuccess: () => {
      forgetAll();
      return queries.invalidateQueries();
    },
  });
  const problem = login.error && asProblem(login.error);
  return (
    <div className={css.center}>
      <Form
        className={css.form ?? ""}
        onSubmit={(event) => {
          event.preventDefault();
          login.mutate();
        }}
      >
        <h1>{t.logIn.title}</h1>
        <p>{t.logIn.lead}</p>
        <TextField className={field.field ?? ""} type="password" value={key} onChange={setKey} isRequired autoFocus>
          <Label className={field.label}>{t.logIn.key}</Label>
          <div className={field.input}>
            <Input autoComplete="current-password" />
          </div>
        </TextField>
        {problem && <Notice kind="problem">{problem.status === 401 ? t.logIn.wrong : sentence(problem, t)}</Notice>}
        <Button look="primary" type="submit" isDisabled={login.isPending}>
          {login.isPending ? t.logIn.submitting : t.logIn.submit}
        </Button>
      </Form>
    </div>
  );
}
