// Finds a place on the map or an incident.
// In: what can be found. Out: the choice; what is typed is kept in the URL and lights up matches on the map.
// Bounds: OPTION_LIMIT options of each sort.
import { Combobox, Kbd, TextInput, useCombobox } from "@mantine/core";
import type { ReactNode, Ref } from "react";
import { useLanguage } from "../language/language.tsx";
import type { Health } from "../api/types.ts";
import { HealthShape, Icon } from "./icons.tsx";
import classes from "./shell.module.css";

const OPTION_LIMIT = 8;

/** Something that can be found. */
export interface Findable {
  readonly id: string;
  readonly label: string;
  readonly detail: string;
  readonly health: Health;
}

interface FindBoxProps {
  readonly places: readonly Findable[];
  readonly incidents: readonly Findable[];
  readonly text: string;
  readonly onText: (text: string) => void;
  readonly onPlace: (id: string) => void;
  readonly onIncident: (id: string) => void;
  readonly input: Ref<HTMLInputElement>;
}

function matching(all: readonly Findable[], text: string): Findable[] {
  const wanted = text.trim().toLowerCase();
  return all
    .filter((one) => `${one.label} ${one.detail}`.toLowerCase().includes(wanted))
    .toSorted(
      (a, b) => Number(b.label.toLowerCase().startsWith(wanted)) - Number(a.label.toLowerCase().startsWith(wanted)),
    )
    .slice(0, OPTION_LIMIT);
}

/** The search field of the header. */
export function FindBox(props: FindBoxProps): ReactNode {
  const { t } = useLanguage();
  const combobox = useCombobox({ onDropdownClose: () => combobox.resetSelectedOption() });
  const groups = [
    { key: "place", title: t("find.places"), found: matching(props.places, props.text) },
    { key: "incident", title: t("find.incidents"), found: matching(props.incidents, props.text) },
  ].filter((group) => group.found.length > 0);
  return (
    <Combobox
      store={combobox}
      onOptionSubmit={(value) => {
        const cut = value.indexOf(" ");
        const id = value.slice(cut + 1);
        combobox.closeDropdown();
        props.onText("");
        if (value.slice(0, cut) === "place") props.onPlace(id);
        else props.onIncident(id);
        if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
      }}
    >
      <Combobox.Target>
        <TextInput
          ref={props.input}
          className={classes.find}
          size="xs"
          aria-label={t("find.label")}
          placeholder={t("find.placeholder")}
          leftSection={<Icon name="find" size={14} />}
          rightSection={props.text === "" ? <Kbd size="xs">/</Kbd> : null}
          value={props.text}
          onChange={(event) => {
            props.onText(event.currentTarget.value);
            combobox.openDropdown();
            combobox.selectFirstOption();
          }}
          onFocus={() => combobox.openDropdown()}
          onBlur={() => combobox.closeDropdown()}
        />
      </Combobox.Target>
      <Combobox.Dropdown>
        <Combobox.Options mah={420} style={{ overflowY: "auto" }} aria-label={t("find.label")}>
          {groups.length === 0 && <Combobox.Empty>{t("find.none")}</Combobox.Empty>}
          {groups.map((group) => (
            <Combobox.Group key={group.key} label={group.title}>
              {group.found.map((one) => (
                <Combobox.Option key={one.id} value={`${group.key} ${one.id}`}>
                  <span className={classes.option}>
                    <HealthShape health={one.health} label={t(`health.${one.health}`)} />
                    <span>{one.label}</span>
                    {one.detail !== "" && <small>{one.detail}</small>}
                  </span>
                </Combobox.Option>
              ))}
            </Combobox.Group>
          ))}
        </Combobox.Options>
      </Combobox.Dropdown>
    </Combobox>
  );
}
