import { useQueryClient } from "@tanstack/react-query";
import { Copy, Download, Share2 } from "lucide-react";
import { useState } from "react";
import { Menu, MenuItem, MenuTrigger, Popover } from "react-aria-components";
import { exportUrl } from "../api/client";
import type { Reply } from "../api/types";
import { itemQuery } from "../catalogue/useItem";
import { useSpeech } from "../i18n";
import { Button } from "../ui/Button";
import overlay from "../ui/Overlay.module.css";
import { ReadAloud } from "./ReadAloud";
import { answerAloud, answerAsText } from "./sharing";
import css from "./TurnView.module.css";
import type { Turn } from "./turn";

interface Props {
  sessionId: string;
  turn: Turn;
  reply: Reply;
}

/** What can be done with a whole answer. */
export function AnswerTools({ sessionId, turn, reply }: Props) {
  const { locale } = useSpeech();
  return (
    <div className={css.tools}>
      <ReadAloud text={answerAloud(reply.message, turn.cards, locale)} language={reply.language} />
      <ShareMenu sessionId={sessionId} turn={turn} reply={reply} />
    </div>
  );
}

/** The answer for others: nothing leaves the page before an entry is pressed. */
function ShareMenu({ sessionId, turn, reply }: Props) {
  const { t, locale } = useSpeech();
  const queries = useQueryClient();
  const [isCopied, setCopied] = useState(false);

  async function text() {
    const found = await Promise.all(
      turn.cards.map((card) => queries.fetchQuery(itemQuery(card.item_id)).catch(() => undefined)),
    );
    const urls = new Map(found.flatMap((detail) => (detail?.item.url ? [[detail.item.id, detail.item.url]] : [])));
    return answerAsText(turn.said, reply.message, turn.cards, urls, locale);
  }

  async function act(key: string) {
    if (key === "copy") {
      await navigator.clipboard.writeText(await text());
      setCopied(true);
      setTimeout(() => setCopied(false), 3000);
    } else if (key === "send") {
      await navigator.share({ text: await text() });
    }
  }

  return (
    <>
      <MenuTrigger>
        <Button small look="quiet">
          <Share2 size={15} aria-hidden />
          {t.share.title}
        </Button>
        <Popover className={overlay.popover ?? ""} placement="top start">
          {/* Refused by the browser or taken back by the person: nothing was shared, and nothing is to be said. */}
          <Menu onAction={(key) => void act(String(key)).catch(() => {})}>
            {"clipboard" in navigator && (
              <MenuItem id="copy" className={overlay.option ?? ""} textValue={t.share.copy}>
                <Copy size={16} aria-hidden />
                {t.share.copy}
              </MenuItem>
            )}
            {"share" in navigator && (
              <MenuItem id="send" className={overlay.option ?? ""} textValue={t.share.send}>
                <Share2 size={16} aria-hidden />
                {t.share.send}
              </MenuItem>
            )}
            <MenuItem
              id="save"
              className={overlay.option ?? ""}
              textValue={t.share.save}
              href={exportUrl(sessionId, "markdown")}
              download={`${sessionId}.md`}
            >
              <Download size={16} aria-hidden />
              {t.share.save}
            </MenuItem>
          </Menu>
        </Popover>
      </MenuTrigger>
      <span role="status" className={css.copied}>
        {isCopied && t.share.copied}
      </span>
    </>
  );
}
