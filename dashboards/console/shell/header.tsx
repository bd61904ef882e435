// The top of every page: what this is, whether it is live, how many incidents are open, and the reader's settings.
// In: the state of the connection and the incidents. Out: the header.
// Bounds: one line, on a narrow screen two.
import { ActionIcon, Menu, Tooltip, useComputedColorScheme } from "@mantine/core";
import type { ReactNode } from "react";
import { LANGUAGES, type LanguageCode, useLanguage } from "../language/language.tsx";
import { EN } from "../language/en.ts";
import { ZH } from "../language/zh.ts";
import { HealthShape, Icon, Mark } from "./icons.tsx";
import classes from "./shell.module.css";

/** Ways to change what the browser remembers. */
export interface Preferences {
  readonly setLanguage: (code: LanguageCode) => void;
  readonly setTheme: (theme: "light" | "dark") => void;
}

interface HeaderProps {
  readonly openCount: number | null;
  readonly connection: "live" | "fixed" | "unreachable";
  readonly answeredAt: number | null;
  readonly lagSeconds: number | null;
  /** Age of the newest telemetry where it seems to have stopped. */
  readonly stoppedSeconds: number | null;
  readonly isPushed: boolean;
  readonly preferences: Preferences;
  readonly find: ReactNode;
  readonly onHome: () => void;
  readonly onList: () => void;
  readonly onHelp: () => void;
}

const NAMES: Readonly<Record<LanguageCode, string>> = { en: EN["language.name"], zh: ZH["language.name"] };

/** The header. */
export function Header(props: HeaderProps): ReactNode {
  const { t, tn, format, code } = useLanguage();
  const scheme = useComputedColorScheme("light");
  const other = scheme === "dark" ? "light" : "dark";
  const themeLabel = t("view.theme", { theme: t(`view.theme.${other}`) });
  const isStopped = props.connection === "live" && props.stoppedSeconds !== null;
  const facts = [
    props.answeredAt === null ? null : t("status.updated", { time: format.clock(props.answeredAt) }),
    props.lagSeconds === null ? null : t("status.lag", { duration: format.duration(props.lagSeconds) }),
    props.isPushed ? t("status.push") : t("status.poll"),
  ].filter((fact) => fact !== null);
  return (
    <header className={classes.header}>
      <button type="button" className={classes.brand} onClick={props.onHome}>
        <Mark />
        <span>{t("app.title")}</span>
      </button>
      {props.openCount !== null && (
        <button
          type="button"
          className={classes.open}
          data-open={props.openCount > 0}
          onClick={props.onList}
          data-testid="open-count"
        >
          <HealthShape health={props.openCount > 0 ? "FAILING" : "HEALTHY"} size={13} />
          <span>{props.openCount > 0 ? tn("status.open", props.openCount) : t("status.quiet")}</span>
        </button>
      )}
      <Tooltip label={facts.join(" · ")} openDelay={200}>
        <span
          className={classes.live}
          data-state={isStopped ? "stopped" : props.connection}
          role="status"
          data-testid="connection"
        >
          <span aria-hidden />
          {isStopped
            ? t("status.stopped", { duration: format.duration(props.stoppedSeconds ?? 0) })
            : t(`status.${props.connection}`)}
        </span>
      </Tooltip>
      <div className={classes.findPlace}>{props.find}</div>
      <div className={classes.settings}>
        <Menu shadow="md" position="bottom-end">
          <Menu.Target>
            <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t("view.language")}>
              <Icon name="language" size={18} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            {(Object.keys(LANGUAGES) as LanguageCode[]).map((one) => (
              <Menu.Item
                key={one}
                lang={LANGUAGES[one].locale}
                onClick={() => props.preferences.setLanguage(one)}
                leftSection={one === code ? <Icon name="check" size={14} /> : <span style={{ width: 14 }} />}
              >
                {NAMES[one]}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
        <Tooltip label={themeLabel} openDelay={300}>
          <ActionIcon
            variant="subtle"
            color="gray"
            size="lg"
            aria-label={themeLabel}
            onClick={() => props.preferences.setTheme(other)}
          >
            <Icon name={other === "dark" ? "moon" : "sun"} size={18} />
          </ActionIcon>
        </Tooltip>
        <Tooltip label={t("view.help")} openDelay={300}>
          <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t("view.help")} onClick={props.onHelp}>
            <Icon name="help" size={18} />
          </ActionIcon>
        </Tooltip>
      </div>
    </header>
  );
}
