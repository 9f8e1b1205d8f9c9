import { ChevronRight } from "lucide-react";
import { Button, Disclosure, DisclosurePanel } from "react-aria-components";
import type { Reply } from "../api/types";
import { useMessages } from "../i18n";
import css from "./EvidencePanel.module.css";
import { Facts } from "./Facts";
import { Steps } from "./Steps";
import type { StepView } from "./turn";

/** How an answer was made, or how far it came: one line, which opens to its steps, time and use of the language model. */
export function Making({ steps, reply }: { steps: StepView[]; reply: Reply | null }) {
  const t = useMessages();
  if (!steps.length && !reply) return null;
  const short = [steps.length && t.steps.count(steps.length), reply && t.steps.seconds(reply.timings.total)];
  return (
    <Disclosure>
      <Button slot="trigger" className={`${css.trigger} ${css.quiet}`}>
        <ChevronRight size={16} aria-hidden />
        {[t.steps.title, ...short].filter(Boolean).join(" · ")}
      </Button>
      <DisclosurePanel className={css.panel ?? ""}>
        <div className={css.content}>
          <Steps steps={steps} />
          {reply && <Facts reply={reply} />}
        </div>
      </DisclosurePanel>
    </Disclosure>
  );
}
