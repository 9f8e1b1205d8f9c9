import { ChevronRight } from "lucide-react";
import { Button, Disclosure, DisclosurePanel } from "react-aria-components";
import type { Reply } from "../api/types";
import { useMessages } from "../i18n";
import css from "./EvidencePanel.module.css";
import { Facts } from "./Facts";
import { Steps } from "./Steps";
import type { StepView } from "./turn";

/** How an answer was made: its steps, time and use of the language model, for those who want to know. */
export function Making({ steps, reply }: { steps: StepView[]; reply: Reply }) {
  const t = useMessages();
  return (
    <Disclosure>
      <Button slot="trigger" className={`${css.trigger} ${css.quiet}`}>
        <ChevronRight size={16} aria-hidden />
        {t.steps.title}
      </Button>
      <DisclosurePanel className={css.panel ?? ""}>
        <div className={css.content}>
          <Steps steps={steps} isRunning={false} />
          <Facts reply={reply} />
        </div>
      </DisclosurePanel>
    </Disclosure>
  );
}
