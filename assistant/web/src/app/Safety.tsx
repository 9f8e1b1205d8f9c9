import { Component, type ReactNode } from "react";
import { useMessages } from "../i18n";
import { Button } from "../ui/Button";
import { Notice } from "../ui/Notice";
import css from "./Gate.module.css";

/** Keeps a fault of one page from taking the whole page away. Give it a key to start anew with. */
export class Safety extends Component<{ children: ReactNode }, { isBroken: boolean }> {
  override state = { isBroken: false };

  static getDerivedStateFromError() {
    return { isBroken: true };
  }

  override render() {
    return this.state.isBroken ? <Broken /> : this.props.children;
  }
}

function Broken() {
  const t = useMessages();
  return (
    <div className={css.center}>
      <Notice kind="problem" action={<Button onPress={() => location.reload()}>{t.retry}</Button>}>
        {t.problems.unknown}
      </Notice>
    </div>
  );
}
