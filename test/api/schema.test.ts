// The schema as text, against the committed file and against the contract that others depend on.
import { readFileSync, writeFileSync } from "node:fs";
import {
  buildSchema,
  findBreakingChanges,
  type GraphQLEnumType,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLNamedType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isObjectType,
  isScalarType,
  validateSchema,
} from "graphql/index.js";
import { describe, expect, it } from "vitest";
import { buildApiSchema, printApiSchema } from "../../api/schema.ts";

const committed = new URL("../../api/schema.graphql", import.meta.url);
const contract = buildSchema(readFileSync(new URL("../../api/contract.graphql", import.meta.url), "utf8"));

function promisedTypes(schema: GraphQLSchema): GraphQLNamedType[] {
  return Object.values(schema.getTypeMap()).filter(
    (type) => !type.name.startsWith("__") && !(isScalarType(type) && type.name !== "DateTime"),
  );
}

function describeInputs(fields: readonly GraphQLInputField[] | GraphQLField<unknown, unknown>["args"]) {
  return Object.fromEntries(
    fields.map((field) => [field.name, `${String(field.type)} = ${JSON.stringify(field.defaultValue)}`]),
  );
}

// Every promise in words, so that a difference reads as one.
function promises(schema: GraphQLSchema, like: GraphQLSchema): Record<string, unknown> {
  const told: Record<string, unknown> = {};
  for (const { name } of promisedTypes(like)) {
    const [type, model] = [schema.getType(name), like.getType(name)];
    if (type === undefined) told[name] = "missing";
    else if (isEnumType(type)) told[name] = type.getValues().map((value) => value.name);
    else if (isInputObjectType(type) && isInputObjectType(model)) {
      const promised = model.getFields();
      // More fields may come; that none of them is demanded is judged by findBreakingChanges.
      told[name] = describeInputs(Object.values(type.getFields()).filter((field) => field.name in promised));
    } else if (isObjectType(type) && isObjectType(model)) {
      for (const field of Object.values(model.getFields())) {
        const own = type.getFields()[field.name];
        const promisedArgs = new Set(field.args.map((arg) => arg.name));
        told[`${name}.${field.name}`] =
          own === undefined
            ? "missing"
            : {
                type: String(own.type),
                args: describeInputs(own.args.filter((arg) => promisedArgs.has(arg.name))),
              };
      }
    } else told[name] = type.constructor.name;
  }
  return told;
}

describe("schema", () => {
  it("is a valid GraphQL schema", () => {
    expect(validateSchema(buildApiSchema())).toEqual([]);
  });

  it("is the committed api/schema.graphql", () => {
    const text = printApiSchema();
    if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(committed, text);
    expect(readFileSync(committed, "utf8")).toBe(text);
  });

  it("keeps every promise of the contract: names, nullability, enum values, arguments and defaults", () => {
    expect(promises(buildApiSchema(), contract)).toEqual(promises(contract, contract));
  });

  it("breaks no client of the contract", () => {
    const broken = findBreakingChanges(contract, buildApiSchema());
    expect(broken.map((change) => change.description)).toEqual([]);
  });

  it("would notice a broken promise", () => {
    const other = buildSchema(
      readFileSync(new URL("../../api/contract.graphql", import.meta.url), "utf8")
        .replace("  title: String!", "  title: String")
        .replace("PAUSE UNKNOWN", "UNKNOWN")
        .replace("maxCauses: Int = 5", "maxCauses: Int = 6"),
    );
    const differences = promises(other, contract);
    expect(differences["Incident.title"]).toEqual({ type: "String", args: {} });
    expect(differences["FaultKind"]).not.toContain("PAUSE");
    expect(differences["LocalizeInput"]).toMatchObject({ maxCauses: "Int = 6" });
    expect((other.getType("FaultKind") as GraphQLEnumType).getValue("PAUSE")).toBeUndefined();
  });
});
