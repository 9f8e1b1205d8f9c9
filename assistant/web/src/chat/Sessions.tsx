import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { EllipsisVertical, Plus, Search, X } from "lucide-react";
import { useDeferredValue, useState } from "react";
import {
  Dialog,
  Heading,
  Input,
  Label,
  Menu,
  MenuItem,
  MenuTrigger,
  Modal,
  ModalOverlay,
  Popover,
  TextField,
} from "react-aria-components";
import { Link, useLocation } from "wouter";
import { deleteSession, exportUrl, listSessions, renameSession } from "../api/client";
import { asProblem } from "../api/problem";
import type { Session } from "../api/types";
import { type Messages, useMessages, useSpeech } from "../i18n";
import { sentence } from "../i18n/format";
import { Button, buttonClass, IconButton } from "../ui/Button";
import field from "../ui/Field.module.css";
import { Notice } from "../ui/Notice";
import { Overlay } from "../ui/Overlay";
import overlay from "../ui/Overlay.module.css";
import { forgetConversation } from "./conversations";
import css from "./Sessions.module.css";

interface Props {
  current: string | undefined;
  onPick?: () => void;
}

/** The user's conversations, latest first. */
export function Sessions({ current, onPick }: Props) {
  const t = useMessages();
  const [words, setWords] = useState("");
  const wanted = useDeferredValue(words.trim());
  const { data, error } = useQuery({
    queryKey: ["sessions", wanted],
    queryFn: () => listSessions(wanted),
    placeholderData: keepPreviousData,
  });
  // A session without an answer is one whose first message was stopped or failed.
  const sessions = (data ?? []).filter((session) => session.turns > 0 || session.session_id === current);
  return (
    <div className={css.sessions}>
      <Link href="/" className={buttonClass({ look: "primary" })} onClick={onPick}>
        <Plus size={18} aria-hidden />
        {t.sessions.fresh}
      </Link>
      {(words !== "" || sessions.length > 1) && (
        <search className={field.input}>
          <Search size={16} aria-hidden />
          <input
            type="search"
            value={words}
            maxLength={200}
            aria-label={t.sessions.search}
            placeholder={t.sessions.search}
            onChange={(event) => setWords(event.target.value)}
          />
        </search>
      )}
      {error && <Notice kind="problem">{sentence(asProblem(error), t)}</Notice>}
      {data && !sessions.length && <p className={css.none}>{words ? t.sessions.notFound : t.sessions.none}</p>}
      {byDay(sessions, t).map(({ day, entries }) => (
        <section key={day} aria-label={day}>
          <h2 className={css.day}>{day}</h2>
          <ul>
            {entries.map((session) => (
              <Entry key={session.session_id} session={session} current={current} onPick={onPick} />
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

/** The list over the page, where there is no room beside it. */
export function SessionDrawer({
  isOpen,
  onClose,
  current,
}: {
  isOpen: boolean;
  onClose: () => void;
  current: string | undefined;
}) {
  const t = useMessages();
  return (
    <ModalOverlay className={css.veil ?? ""} isOpen={isOpen} onOpenChange={(open) => !open && onClose()} isDismissable>
      <Modal className={css.drawer ?? ""}>
        <Dialog className={css.inner ?? ""}>
          <div className={css.head}>
            <Heading slot="title" level={2}>
              {t.sessions.title}
            </Heading>
            <IconButton label={t.close} onPress={onClose}>
              <X size={19} aria-hidden />
            </IconButton>
          </div>
          <Sessions current={current} onPick={onClose} />
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

function Entry({ session, current, onPick }: { session: Session } & Props) {
  const { t, locale } = useSpeech();
  const title = session.title || untitled(session, t, locale);
  const [asked, setAsked] = useState<"rename" | "remove" | null>(null);
  const id = session.session_id;
  return (
    <li className={css.entry}>
      <Link
        href={`/s/${id}`}
        className={css.link}
        title={title}
        aria-current={id === current ? "page" : undefined}
        onClick={onPick}
      >
        {title}
      </Link>
      <MenuTrigger>
        <IconButton label={t.sessions.actions(title)} small>
          <EllipsisVertical size={16} aria-hidden />
        </IconButton>
        <Popover className={overlay.popover ?? ""} placement="bottom end">
          <Menu onAction={(key) => (key === "rename" || key === "remove") && setAsked(key)}>
            <MenuItem id="rename" className={overlay.option ?? ""}>
              {t.sessions.rename}
            </MenuItem>
            <MenuItem
              id="markdown"
              className={overlay.option ?? ""}
              href={exportUrl(id, "markdown")}
              download={`${id}.md`}
            >
              {t.sessions.exportMarkdown}
            </MenuItem>
            <MenuItem id="json" className={overlay.option ?? ""} href={exportUrl(id, "json")} download={`${id}.json`}>
              {t.sessions.exportJson}
            </MenuItem>
            <MenuItem id="remove" className={overlay.option ?? ""}>
              {t.sessions.remove}
            </MenuItem>
          </Menu>
        </Popover>
      </MenuTrigger>
      <RenameDialog key={title} session={session} isOpen={asked === "rename"} onClose={() => setAsked(null)} />
      <RemoveDialog session={session} current={current} isOpen={asked === "remove"} onClose={() => setAsked(null)} />
    </li>
  );
}

interface DialogProps {
  session: Session;
  isOpen: boolean;
  onClose: () => void;
}

function RenameDialog({ session, isOpen, onClose }: DialogProps) {
  const t = useMessages();
  const queries = useQueryClient();
  const [title, setTitle] = useState(session.title);
  const rename = useMutation({
    mutationFn: () => renameSession(session.session_id, title.trim()),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["sessions"] });
      onClose();
    },
  });
  const save = () => title.trim() && rename.mutate();
  return (
    <Overlay
      title={t.sessions.renameTitle}
      isOpen={isOpen}
      onClose={onClose}
      actions={
        <>
          <Button onPress={onClose}>{t.cancel}</Button>
          <Button look="primary" onPress={save} isDisabled={!title.trim() || rename.isPending}>
            {t.sessions.save}
          </Button>
        </>
      }
    >
      <TextField className={field.field ?? ""} value={title} onChange={setTitle} autoFocus>
        <Label className={field.label}>{t.sessions.newTitle}</Label>
        <div className={field.input}>
          <Input maxLength={200} onKeyDown={(event) => event.key === "Enter" && save()} />
        </div>
      </TextField>
      {rename.error && <Notice kind="problem">{sentence(asProblem(rename.error), t)}</Notice>}
    </Overlay>
  );
}

function RemoveDialog({ session, isOpen, onClose, current }: DialogProps & { current: string | undefined }) {
  const t = useMessages();
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const remove = useMutation({
    mutationFn: () => deleteSession(session.session_id),
    onSuccess: () => {
      onClose();
      if (session.session_id === current) navigate("/");
      forgetConversation(session.session_id);
      void queries.invalidateQueries({ queryKey: ["sessions"] });
    },
  });
  return (
    <Overlay
      title={t.sessions.removeTitle}
      role="alertdialog"
      isOpen={isOpen}
      onClose={onClose}
      actions={
        <>
          <Button onPress={onClose} autoFocus>
            {t.cancel}
          </Button>
          <Button look="danger" onPress={() => remove.mutate()} isDisabled={remove.isPending}>
            {t.sessions.remove}
          </Button>
        </>
      }
    >
      <p>{t.sessions.removeText}</p>
      {remove.error && <Notice kind="problem">{sentence(asProblem(remove.error), t)}</Notice>}
    </Overlay>
  );
}

/** The name of a conversation that is being begun, or that was begun elsewhere without one. */
function untitled({ turns, updated_at }: Session, t: Messages, locale: string): string {
  if (!turns) return t.sessions.fresh;
  const at = new Date(updated_at * 1000);
  return t.sessions.untitled(at.toLocaleString(locale, { dateStyle: "medium", timeStyle: "short" }));
}

function byDay(sessions: Session[], t: Messages) {
  const today = new Date().setHours(0, 0, 0, 0);
  const dayOf = ({ updated_at }: Session) => {
    const at = updated_at * 1000;
    if (at >= today) return t.sessions.today;
    return at >= today - 86_400_000 ? t.sessions.yesterday : t.sessions.earlier;
  };
  const days = Map.groupBy(sessions, dayOf);
  return [...days].map(([day, entries]) => ({ day, entries }));
}
