import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Check, LogOut, Settings } from "lucide-react";
import { useState } from "react";
import { Header, Menu, MenuItem, MenuSection, MenuTrigger, Popover, type Selection } from "react-aria-components";
import { logOut } from "../api/client";
import { forgetAll } from "../chat/conversations";
import { canDictate } from "../composer/useDictation";
import { LANGUAGES, type Language, useSpeech } from "../i18n";
import { IconButton } from "../ui/Button";
import overlay from "../ui/Overlay.module.css";
import { CHOICES, choose, useChoices } from "./choices";
import { useInfo } from "./info";
import css from "./Switches.module.css";
import { useShop } from "./shop";
import { chooseTheme, chosenTheme, THEMES, type Theme } from "./theme";

/** The settings, and the way out. */
export function Switches() {
  return (
    <div className={css.switches}>
      <SettingsMenu />
      <LogOutButton />
    </div>
  );
}

/** Language, colours, and what is off unless somebody asks for it. */
function SettingsMenu() {
  const { language, setLanguage, t } = useSpeech();
  const [theme, setTheme] = useState(chosenTheme);
  const choices = useChoices();
  const offered = useShop()?.languages ?? [];
  const languages = Object.entries(LANGUAGES).filter(([id]) => offered.length === 0 || offered.includes(id));
  return (
    <MenuTrigger>
      <IconButton label={t.settings.title}>
        <Settings size={19} aria-hidden />
      </IconButton>
      <Popover className={overlay.popover ?? ""} placement="bottom end">
        <Menu aria-label={t.settings.title}>
          <Section
            title={t.language}
            selected={[language]}
            onSelect={([key]) => key && setLanguage(key as Language)}
            options={languages.map(([id, { name, locale }]) => ({ id, name, lang: locale }))}
          />
          <Section
            title={t.theme.label}
            selected={[theme]}
            onSelect={([key]) => {
              if (!key) return;
              chooseTheme(key as Theme);
              setTheme(key as Theme);
            }}
            options={THEMES.map((id) => ({ id, name: t.theme[id] }))}
          />
          <Section
            title={t.settings.more}
            isMultiple
            selected={CHOICES.filter((name) => choices[name])}
            onSelect={(keys) => {
              for (const name of CHOICES) choose(name, keys.includes(name));
            }}
            options={[
              { id: "developer", name: t.settings.developer },
              ...(canDictate()
                ? [{ id: "dictation", name: t.settings.dictation, note: t.settings.dictationNote }]
                : []),
            ]}
          />
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}

interface SectionProps {
  title: string;
  options: { id: string; name: string; lang?: string; note?: string }[];
  selected: string[];
  onSelect: (keys: string[]) => void;
  isMultiple?: boolean;
}

function Section({ title, options, selected, onSelect, isMultiple = false }: SectionProps) {
  return (
    <MenuSection
      className={css.section ?? ""}
      selectionMode={isMultiple ? "multiple" : "single"}
      disallowEmptySelection={!isMultiple}
      selectedKeys={selected}
      onSelectionChange={(keys: Selection) => keys !== "all" && onSelect([...keys].map(String))}
    >
      <Header className={css.header ?? ""}>{title}</Header>
      {options.map(({ id, name, lang, note }) => (
        <MenuItem key={id} id={id} className={overlay.option ?? ""} textValue={name}>
          <Check className={css.check} size={16} aria-hidden />
          <span lang={lang}>
            {name}
            {note && <small className={css.note}>{note}</small>}
          </span>
        </MenuItem>
      ))}
    </MenuSection>
  );
}

function LogOutButton() {
  const { t } = useSpeech();
  const queries = useQueryClient();
  const { data } = useInfo();
  const leave = useMutation({
    mutationFn: logOut,
    onSuccess: () => {
      forgetAll();
      void queries.resetQueries();
    },
  });
  if (data?.auth !== "key" || !data.user) return null;
  return (
    <IconButton label={t.logIn.out} onPress={() => leave.mutate()}>
      <LogOut size={19} aria-hidden />
    </IconButton>
  );
}
