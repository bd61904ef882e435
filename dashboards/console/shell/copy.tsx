// Copies text for the reader and says so.
// In: the text. Out: a button; `copyText` for shortcuts.
// Bounds: the clipboard interface is missing on plain http (other than this machine), so there is an older way behind it.
import { ActionIcon, Button, Tooltip } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";
import { useLanguage } from "../language/language.tsx";
import { Icon } from "./icons.tsx";

/** Puts text into the clipboard; false when the browser refuses. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.style.position = "fixed";
    area.style.opacity = "0";
    document.body.append(area);
    area.select();
    // The only way on pages that are not a secure context.
    // eslint-disable-next-line typescript/no-deprecated
    const isCopied = document.execCommand("copy");
    area.remove();
    return isCopied;
  }
}

/** A button that copies; with `children` a labelled one, else a small picture. `text` is asked for at the click. */
export function CopyButton(props: {
  readonly text: () => string;
  readonly label: string;
  readonly isLabelled?: boolean;
  readonly icon?: "copy" | "link";
}): ReactNode {
  const { t } = useLanguage();
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(() => setCopied(false), 1600);
    return () => clearTimeout(timer);
  }, [isCopied]);
  const copy = (): void => {
    void copyText(props.text()).then(setCopied);
  };
  const icon = <Icon name={isCopied ? "check" : (props.icon ?? "copy")} />;
  if (props.isLabelled === true) {
    return (
      <Button size="xs" variant="default" leftSection={icon} onClick={copy} aria-live="polite">
        {isCopied ? t("incident.copied") : props.label}
      </Button>
    );
  }
  return (
    <Tooltip label={isCopied ? t("incident.copied") : props.label} openDelay={300}>
      <ActionIcon size="sm" variant="subtle" color="gray" onClick={copy} aria-label={props.label}>
        {icon}
      </ActionIcon>
    </Tooltip>
  );
}

/** Text to copy, shown as code with its button. */
export function CopyBlock({ text, label }: { text: string; label: string }): ReactNode {
  return (
    <div className="fl-code">
      <pre tabIndex={0}>
        <code>{text}</code>
      </pre>
      <CopyButton text={() => text} label={label} />
    </div>
  );
}
