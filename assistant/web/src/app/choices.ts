import { useSyncExternalStore } from "react";
import { createStore } from "zustand";
import { remember, remembered } from "./storage";

/** What can be switched on in the settings. All are off at first. */
export const CHOICES = ["developer", "dictation"] as const;
export type Choice = (typeof CHOICES)[number];

const choices = createStore<Record<Choice, boolean>>(
  () => Object.fromEntries(CHOICES.map((name) => [name, remembered(name) === "1"])) as Record<Choice, boolean>,
);

/** What is switched on now. */
export const useChoices = () => useSyncExternalStore(choices.subscribe, choices.getState, choices.getState);

export function choose(name: Choice, isOn: boolean) {
  remember(name, isOn ? "1" : "0");
  choices.setState({ [name]: isOn });
}

/** How an answer was made (steps, times, scores, the language model) is for developers alone: `?dev=1` or the settings. */
export const useDeveloper = (): boolean => useChoices().developer;

/** An address with `?dev=1` or `?dev=0` sets the developer's view, for later visits too. */
export function chooseFromAddress(search: string) {
  const wanted = new URLSearchParams(search).get("dev");
  if (wanted !== null) choose("developer", wanted !== "0");
}
