// The frame of every page: language, colours, and the workspace.
// In: the URL and what the browser remembers. Out: the running page.
// Bounds: language and colours of a link win over the remembered ones, and are not remembered.
import { MantineProvider, useMantineColorScheme } from "@mantine/core";
import { type ReactNode, useCallback, useState } from "react";
import { type LanguageCode, LanguageProvider } from "./language/language.tsx";
import type { Preferences } from "./shell/header.tsx";
import { resolveVariables, THEME } from "./theme.ts";
import { useUrlState } from "./use-url-state.ts";
import { Workspace } from "./workspace.tsx";

const LANGUAGE_KEY = "faultline.language";

function rememberedLanguage(): LanguageCode {
  try {
    const kept = localStorage.getItem(LANGUAGE_KEY);
    if (kept === "en" || kept === "zh") return kept;
  } catch {
    // A browser may forbid storage; then its own language decides each time.
  }
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

/** Everything below the router. */
export function Root(): ReactNode {
  const { state, set } = useUrlState();
  const [remembered, setRemembered] = useState(rememberedLanguage);
  const setLanguage = useCallback(
    (code: LanguageCode) => {
      setRemembered(code);
      try {
        localStorage.setItem(LANGUAGE_KEY, code);
      } catch {
        // Not remembered; the choice still holds until the page is closed.
      }
      set({ lang: undefined }, "replace");
    },
    [set],
  );
  return (
    <MantineProvider
      theme={THEME}
      cssVariablesResolver={resolveVariables}
      defaultColorScheme="auto"
      {...(state.theme === undefined ? {} : { forceColorScheme: state.theme })}
    >
      <LanguageProvider code={state.lang ?? remembered}>
        <WithColours setLanguage={setLanguage} />
      </LanguageProvider>
    </MantineProvider>
  );
}

function WithColours({ setLanguage }: { setLanguage: (code: LanguageCode) => void }): ReactNode {
  const { set } = useUrlState();
  const { setColorScheme } = useMantineColorScheme();
  const preferences: Preferences = {
    setLanguage,
    setTheme: (theme) => {
      set({ theme: undefined }, "replace");
      setColorScheme(theme);
    },
  };
  return <Workspace preferences={preferences} />;
}
