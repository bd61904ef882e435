// What the keys do, and what shapes, colours and lines mean.
// In: whether it is open. Out: a dialog.
// Bounds: the list of keys is the one that use-shortcuts is given.
import { Kbd, Modal } from "@mantine/core";
import type { ReactNode } from "react";
import type { Key } from "../language/catalogue.ts";
import { useLanguage } from "../language/language.tsx";
import { HealthShape } from "./icons.tsx";
import classes from "./shell.module.css";

const KEYS = [
  [["/"], "help.find"],
  [["j", "k"], "help.list"],
  [["Enter"], "help.enter"],
  [["←", "↑", "→", "↓"], "help.arrows"],
  [["g"], "help.level"],
  [["b"], "help.blame"],
  [["t"], "help.table"],
  [["[", "]"], "help.step"],
  [["+", "-", "0"], "help.zoom"],
  [["y"], "help.link"],
  [["?"], "help.help"],
  [["Esc"], "help.escape"],
] as const satisfies readonly (readonly [readonly string[], Key])[];
const LEGEND = ["HEALTHY", "DEGRADED", "FAILING", "IDLE", "UNKNOWN"] as const;

/** The help dialog. */
export function Help({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }): ReactNode {
  const { t } = useLanguage();
  return (
    <Modal
      opened={isOpen}
      onClose={onClose}
      title={t("help.title")}
      size="md"
      closeButtonProps={{ "aria-label": t("panel.close") }}
    >
      <dl className={classes.keys}>
        {KEYS.map(([keys, text]) => (
          <div key={text}>
            <dt>
              {keys.map((key) => (
                <Kbd key={key} size="sm">
                  {key}
                </Kbd>
              ))}
            </dt>
            <dd>{t(text)}</dd>
          </div>
        ))}
      </dl>
      <p className={classes.legendTitle}>{t("help.colours")}</p>
      <ul className={classes.legend}>
        {LEGEND.map((health) => (
          <li key={health}>
            <HealthShape health={health} /> {t(`health.${health}`)}
          </li>
        ))}
      </ul>
      <p className={classes.legendText}>{t("help.lines")}</p>
    </Modal>
  );
}
