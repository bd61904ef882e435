// The period: follow the last minutes, look at the incident's, or at one of one's own.
// In: the period in force. Out: a change of the URL.
// Bounds: a period of one's own is at most MAX_HOURS; times are entered in the reader's zone and kept in UTC.
import { Button, Popover, SegmentedControl, TextInput } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { useLanguage } from "../language/language.tsx";
import { endsOf, MAX_HOURS, type Period } from "../period.ts";
import { LAST_MINUTES, type UrlState } from "../url-state.ts";
import classes from "./shell.module.css";

interface RangePickerProps {
  readonly period: Period;
  readonly hasIncident: boolean;
  readonly nowMs: number;
  readonly onState: (patch: UrlState) => void;
}

/** Chooses the period. */
export function RangePicker({ period, hasIncident, nowMs, onState }: RangePickerProps): ReactNode {
  const { t, format } = useLanguage();
  const [isOpen, setOpen] = useState(false);
  const value = period.kind === "last" ? String(period.minutes) : period.kind;
  const ends = endsOf(period, nowMs);
  const fixedLabel =
    period.kind === "fixed" ? `${format.clock(ends.fromMs)} – ${format.clock(ends.toMs)}` : t("range.custom");
  const choose = (choice: string): void => {
    if (choice === "fixed") {
      setOpen(true);
      return;
    }
    const last = LAST_MINUTES.find((minutes) => String(minutes) === choice);
    onState({ last, from: undefined, to: undefined });
  };
  return (
    <Popover
      withRoles={false}
      opened={isOpen}
      onChange={setOpen}
      position="bottom-start"
      shadow="md"
      trapFocus
      returnFocus
    >
      <Popover.Target>
        <div className={classes.range}>
          <SegmentedControl
            size="xs"
            aria-label={t("range.label")}
            value={value}
            onChange={choose}
            data={[
              ...(hasIncident ? [{ value: "incident", label: t("range.incident") }] : []),
              ...LAST_MINUTES.map((minutes) => ({
                value: String(minutes),
                label: (
                  <span title={t("range.last", { minutes: String(minutes) })}>
                    {t("range.short", { minutes: String(minutes) })}
                  </span>
                ),
              })),
              {
                value: "fixed",
                label: (
                  // A second click on the chosen segment opens the dialog again, which the control itself would not tell.
                  <span
                    onClick={() => setOpen(true)}
                    title={
                      period.kind === "fixed"
                        ? `${format.moment(ends.fromMs)} – ${format.moment(ends.toMs)}`
                        : undefined
                    }
                  >
                    {fixedLabel}
                  </span>
                ),
              },
            ]}
          />
        </div>
      </Popover.Target>
      <Popover.Dropdown>
        {isOpen && (
          <CustomRange
            fromMs={ends.fromMs}
            toMs={ends.toMs}
            onApply={(from, to) => {
              setOpen(false);
              onState({ last: undefined, from, to });
            }}
          />
        )}
      </Popover.Dropdown>
    </Popover>
  );
}

/** The value of a local date and time field. */
function toLocal(ms: number): string {
  const shifted = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 19);
}

function CustomRange(props: { fromMs: number; toMs: number; onApply: (from: string, to: string) => void }): ReactNode {
  const { t, format } = useLanguage();
  const [from, setFrom] = useState(() => toLocal(props.fromMs));
  const [to, setTo] = useState(() => toLocal(props.toMs));
  const [fromMs, toMs] = [new Date(from).getTime(), new Date(to).getTime()];
  const isValid = fromMs < toMs && toMs - fromMs <= MAX_HOURS * 3_600_000;
  return (
    <form
      className={classes.custom}
      onSubmit={(event) => {
        event.preventDefault();
        if (isValid) props.onApply(new Date(fromMs).toISOString(), new Date(toMs).toISOString());
      }}
    >
      <TextInput
        size="xs"
        type="datetime-local"
        step={1}
        label={t("range.from")}
        value={from}
        onChange={(event) => setFrom(event.currentTarget.value)}
      />
      <TextInput
        size="xs"
        type="datetime-local"
        step={1}
        label={t("range.to")}
        value={to}
        onChange={(event) => setTo(event.currentTarget.value)}
      />
      <small>
        {isValid ? t("range.hint", { zone: format.zone }) : t("range.invalid", { hours: String(MAX_HOURS) })}
      </small>
      <Button size="xs" type="submit" disabled={!isValid}>
        {t("range.apply")}
      </Button>
    </form>
  );
}
