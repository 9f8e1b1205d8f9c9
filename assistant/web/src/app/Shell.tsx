import { LayoutGrid, MessageCircle, UserRound, Waypoints } from "lucide-react";
import type { ReactNode } from "react";
import { Link, useLocation } from "wouter";
import { useMessages } from "../i18n";
import { usePageChange } from "./pageChange";
import { Safety } from "./Safety";
import css from "./Shell.module.css";
import { Switches } from "./Switches";
import { useShop, useShopColours } from "./shop";

/** What stands around every page: the name, the ways to the pages, language and colours. */
export function Shell({ children }: { children: ReactNode }) {
  const t = useMessages();
  const [location] = useLocation();
  const inCatalogue = location.startsWith("/catalogue");
  const isChat = !inCatalogue && !location.startsWith("/admin") && !["/map", "/you"].includes(location);
  const pages = [
    { href: "/", name: t.nav.chat, Icon: MessageCircle, here: isChat },
    { href: "/catalogue", name: t.nav.catalogue, Icon: LayoutGrid, here: inCatalogue },
    { href: "/map", name: t.nav.map, Icon: Waypoints, here: location === "/map" },
    { href: "/you", name: t.nav.you, Icon: UserRound, here: location === "/you" },
  ];
  const page = pages.find(({ here }) => here);
  const shop = useShop();
  const name = shop?.name || t.name;
  useShopColours();
  usePageChange(location, page ? `${page.name} – ${name}` : name);
  return (
    <>
      <button type="button" className={css.skip} onClick={() => document.getElementById("content")?.focus()}>
        {t.skip}
      </button>
      <header className={css.bar}>
        <Link href="/" className={css.name} aria-label={name}>
          <img src={shop?.logo ? shop.logo.slice(1) : "./icon.svg"} alt="" height={28} />
          <span>{name}</span>
        </Link>
        <nav aria-label={t.nav.label} className={css.nav}>
          {pages.map(({ href, name, Icon, here }) => (
            <Link
              key={href}
              href={href}
              className={css.link}
              aria-current={here ? "page" : undefined}
              aria-label={name}
            >
              <Icon size={18} aria-hidden />
              <span>{name}</span>
            </Link>
          ))}
        </nav>
        <Switches />
      </header>
      <main id="content" className={css.main} tabIndex={-1}>
        <Safety key={inCatalogue ? location : (page?.href ?? "admin")}>{children}</Safety>
      </main>
    </>
  );
}
