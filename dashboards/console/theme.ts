// How Mantine's components look here.
// In: nothing. Out: a theme whose colours are those of theme.css.
// Bounds: one accent colour; sizes are small, for figures need the room.
import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from "@mantine/core";

/** The type of the page; system type comes first for scripts that the bundled one does not have. */
const FONT =
  '"Inter Variable", "Segoe UI", "Helvetica Neue", "Noto Sans", "PingFang SC", "Microsoft YaHei", "Noto Sans SC", "Noto Sans CJK SC", Arial, sans-serif';

const INDIGO: MantineColorsTuple = [
  "#eceefc",
  "#d5d9f6",
  "#a9b1ee",
  "#7b87e6",
  "#5564de",
  "#3f51d8",
  "#3445c6",
  "#2a39a8",
  "#222f8b",
  "#18226b",
];

/** Mantine's dark scale, from text (0) to ground (9), in the hue of theme.css. */
const SLATE: MantineColorsTuple = [
  "#eceff5",
  "#cdd4e0",
  "#9aa6ba",
  "#6f7b90",
  "#2c3545",
  "#232b39",
  "#1f2735",
  "#171d28",
  "#10151e",
  "#0d1119",
];

/** The theme of the console. */
export const THEME = createTheme({
  primaryColor: "indigo",
  colors: { indigo: INDIGO, dark: SLATE },
  fontFamily: FONT,
  headings: { fontFamily: FONT },
  fontFamilyMonospace: 'ui-monospace, "SF Mono", "Cascadia Mono", Menlo, "DejaVu Sans Mono", monospace',
  defaultRadius: "md",
  cursorType: "pointer",
});

/** Makes Mantine's surfaces, lines and text those of theme.css. */
export const resolveVariables: CSSVariablesResolver = () => {
  const both = {
    "--mantine-color-body": "var(--fl-surface)",
    "--mantine-color-text": "var(--fl-text)",
    "--mantine-color-dimmed": "var(--fl-dim)",
    "--mantine-color-placeholder": "var(--fl-dim)",
    "--mantine-color-default": "var(--fl-surface)",
    "--mantine-color-default-hover": "var(--fl-raised)",
    "--mantine-color-default-border": "var(--fl-border)",
    "--mantine-color-default-color": "var(--fl-text)",
  };
  return { variables: {}, light: both, dark: both };
};
