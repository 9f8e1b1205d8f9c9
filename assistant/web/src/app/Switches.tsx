import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Languages, LogOut, Monitor, Moon, Sun } from "lucide-react";
import { useState } from "react";
import { Menu, MenuItem, MenuTrigger, Popover } from "react-aria-components";
import { logOut } from "../api/client";
import { forgetAll } from "../chat/conversations";
import { type Language, useSpeech } from "../i18n";
import { IconButton } from "../ui/Button";
import overlay from "../ui/Overlay.module.css";
import { useInfo } from "./info";
import css from "./Switches.module.css";
import { chooseTheme, chosenTheme, type Theme } from "./theme";

const THEME_ICONS = { system: Monitor, light: Sun, dark: Moon } satisfies Record<Theme, unknown>;

/** Language, colour scheme, and the way out. */
export function Switches() {
  return (
    <div className={css.switches}>
      <LanguageSwitch />
      <ThemeSwitch />
      <LogOutButton />
    </div>
  );
}

function LanguageSwitch() {
  const { language, setLanguage, t } = useSpeech();
  return (
    <MenuTrigger>
      <IconButton label={t.language}>
        <Languages size={19} aria-hidden />
      </IconButton>
      <Popover className={overlay.popover ?? ""} placement="bottom end">
        <Menu
          selectionMode="single"
          disallowEmptySelection
          selectedKeys={[language]}
          onAction={(key) => setLanguage(key as Language)}
        >
          <MenuItem id="en" className={overlay.option ?? ""} textValue="English">
            <span lang="en">English</span>
          </MenuItem>
          <MenuItem id="zh" className={overlay.option ?? ""} textValue="中文">
            <span lang="zh-CN">中文</span>
          </MenuItem>
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}

function ThemeSwitch() {
  const { t } = useSpeech();
  const [theme, setTheme] = useState(chosenTheme);
  const Current = THEME_ICONS[theme];
  return (
    <MenuTrigger>
      <IconButton label={t.theme.label}>
        <Current size={19} aria-hidden />
      </IconButton>
      <Popover className={overlay.popover ?? ""} placement="bottom end">
        <Menu
          selectionMode="single"
          disallowEmptySelection
          selectedKeys={[theme]}
          onAction={(key) => {
            chooseTheme(key as Theme);
            setTheme(key as Theme);
          }}
        >
          {(Object.keys(THEME_ICONS) as Theme[]).map((name) => {
            const Icon = THEME_ICONS[name];
            return (
              <MenuItem key={name} id={name} className={overlay.option ?? ""} textValue={t.theme[name]}>
                <Icon size={17} aria-hidden />
                {t.theme[name]}
              </MenuItem>
            );
          })}
        </Menu>
      </Popover>
    </MenuTrigger>
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
