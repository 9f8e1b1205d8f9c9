import { useQueryClient } from "@tanstack/react-query";
import { PanelLeft, SquarePen } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useDrop } from "react-aria";
import { useLocation } from "wouter";
import { asProblem } from "../api/problem";
import type { Draft } from "../api/stream";
import type { Problem } from "../api/types";
import { Composer, type ComposerHandle } from "../composer/Composer";
import { useMessages } from "../i18n";
import { sentence } from "../i18n/format";
import { Button, IconButton } from "../ui/Button";
import { Notice } from "../ui/Notice";
import { Loading } from "../ui/Spinner";
import { Announcer } from "./Announcer";
import css from "./ChatPage.module.css";
import { Constraints } from "./Constraints";
import { beginConversation, forgetTurn, openConversation, say, stop, useConversations } from "./conversations";
import { conditionsOf, filesOf } from "./editing";
import { SessionDrawer, Sessions } from "./Sessions";
import { Thread } from "./Thread";
import type { Turn } from "./turn";
import { Welcome } from "./Welcome";

export function ChatPage({ sessionId }: { sessionId?: string }) {
  const t = useMessages();
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const [problem, setProblem] = useState<Problem | null>(null);
  const [drawer, setDrawer] = useState(false);
  const [editing, setEditing] = useState<Turn | null>(null);
  const composer = useRef<ComposerHandle>(null);
  const conversation = useConversations(({ byId }) => (sessionId ? byId[sessionId] : undefined));
  const turns = conversation?.turns ?? [];
  const running = turns.findLast((turn) => turn.status === "running");

  useEffect(() => {
    setProblem(null);
    setEditing(null);
    if (sessionId) void openConversation(sessionId);
  }, [sessionId]);

  const finished = turns.filter((turn) => turn.status === "done").length;
  // biome-ignore lint/correctness/useExhaustiveDependencies: an answer or a new conversation changes the list.
  useEffect(() => {
    void queries.invalidateQueries({ queryKey: ["sessions"] });
  }, [queries, finished, sessionId]);

  async function send(draft: Draft): Promise<boolean> {
    setProblem(null);
    try {
      const id = sessionId ?? (await beginConversation());
      void say(id, draft);
      if (!sessionId) navigate(`/s/${id}`);
      return true;
    } catch (error) {
      setProblem(asProblem(error));
      return false;
    }
  }

  /** Send what was written; of an edited message without the conditions that it set. */
  async function sendWritten(draft: Draft): Promise<boolean> {
    if (!editing || !sessionId) return send(draft);
    const held = [...(conversation?.constraints ?? []), ...(conversation?.preferences ?? [])];
    const isSent = await send({ ...draft, dropped: conditionsOf(editing, held) });
    if (isSent) {
      if (editing.status !== "done") forgetTurn(sessionId, editing.messageId);
      setEditing(null);
    }
    return isSent;
  }

  async function edit(turn: Turn) {
    setEditing(turn);
    composer.current?.write(turn.said, await filesOf(turn));
  }

  const { dropRef, dropProps, isDropTarget } = useFileDrop((files) => composer.current?.attach(files));
  const shownProblem = problem ?? conversation?.problem;

  return (
    <div className={css.page}>
      <aside className={css.aside}>
        <Sessions current={sessionId} />
      </aside>
      <SessionDrawer isOpen={drawer} onClose={() => setDrawer(false)} current={sessionId} />
      <section className={css.chat} ref={dropRef} {...dropProps} aria-label={t.chat.title}>
        <div className={css.sessions}>
          <IconButton label={t.sessions.open} onPress={() => setDrawer(true)}>
            <PanelLeft size={19} aria-hidden />
          </IconButton>
          <IconButton label={t.sessions.fresh} onPress={() => navigate("/")}>
            <SquarePen size={19} aria-hidden />
          </IconButton>
        </div>
        {conversation?.loading ? (
          <div className={css.middle}>
            <Loading />
          </div>
        ) : sessionId && turns.length ? (
          <>
            <h1 className="visually-hidden">{t.chat.title}</h1>
            <Thread sessionId={sessionId} turns={turns} onSay={send} onEdit={edit} />
          </>
        ) : (
          <div className={css.middle}>
            {!shownProblem && (
              <Welcome onPick={(text) => void send({ text, images: [], audio: [], video: [], dropped: [] })} />
            )}
          </div>
        )}
        <div className={css.foot}>
          {shownProblem && (
            <Notice kind="problem">
              {shownProblem.status === 404 ? t.problems.missing : sentence(shownProblem, t)}
            </Notice>
          )}
          {conversation && (
            <Constraints
              constraints={conversation.constraints}
              preferences={conversation.preferences}
              turns={turns}
              isDisabled={running !== undefined}
              onRemove={(dropped) => send({ text: "", images: [], audio: [], video: [], dropped })}
            />
          )}
          {editing && (
            <Notice
              kind="warning"
              action={
                <Button
                  small
                  onPress={() => {
                    setEditing(null);
                    composer.current?.write("", []);
                  }}
                >
                  {t.cancel}
                </Button>
              }
            >
              {t.chat.editing}
            </Notice>
          )}
          <Composer
            ref={composer}
            isRunning={running !== undefined}
            onSend={sendWritten}
            onStop={() => sessionId && running && stop(sessionId, running.messageId)}
          />
        </div>
        <Announcer turn={turns.at(-1)} />
        {isDropTarget && <div className={css.drop}>{t.chat.dropHere}</div>}
      </section>
    </div>
  );
}

/** Files dropped anywhere on the chat. */
function useFileDrop(onFiles: (files: File[]) => void) {
  const dropRef = useRef<HTMLElement>(null);
  const { dropProps, isDropTarget } = useDrop({
    ref: dropRef,
    onDrop: async ({ items }) => {
      onFiles(await Promise.all(items.filter((item) => item.kind === "file").map((item) => item.getFile())));
    },
  });
  return { dropRef, dropProps, isDropTarget };
}
