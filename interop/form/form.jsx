// The form of a connection specification, laid out by Airbyte's rules: a card for each group, fields
// in their order, and what is neither required nor always_show folded under "Optional fields".
import React from "react";
import { createRoot } from "react-dom/client";
import Form from "@rjsf/core";
import validator from "@rjsf/validator-ajv8";
import spec from "spec";

const byOrder = (a, b) => spec.properties[a.name].order - spec.properties[b.name].order;
const open = (name) => (spec.required || []).includes(name) || spec.properties[name].always_show;

function Card({ group, fields }) {
  const of = fields.filter((f) => spec.properties[f.name].group === group.id).sort(byOrder);
  const folded = of.filter((f) => !open(f.name));
  return (
    <section>
      <h2>{group.title}</h2>
      {of.filter((f) => open(f.name)).map((f) => f.content)}
      {folded.length > 0 && (
        <details data-fields={folded.map((f) => f.name).join(" ")}>
          <summary>Optional fields</summary>
          {folded.map((f) => f.content)}
        </details>
      )}
    </section>
  );
}

function Layout(props) {
  if (props.idSchema.$id === "root") {
    return spec.groups.map((group) => <Card key={group.id} group={group} fields={props.properties} />);
  }
  const order = (f) => props.schema.properties?.[f.name]?.order ?? 0;
  return (
    <fieldset>
      <legend>{props.title}</legend>
      {props.description && <p>{props.description}</p>}
      {[...props.properties].sort((a, b) => order(a) - order(b)).map((f) => f.content)}
    </fieldset>
  );
}

const secrets = {};
for (const way of spec.properties.credentials.oneOf) {
  for (const [name, property] of Object.entries(way.properties)) {
    if (property.airbyte_secret) (secrets.credentials ??= {})[name] = { "ui:widget": "password" };
    if (property.const !== undefined) (secrets.credentials ??= {})[name] = { "ui:widget": "hidden" };
  }
}
for (const [name, property] of Object.entries(spec.properties)) {
  if (property.airbyte_secret) secrets[name] = { "ui:widget": "password" };
}

createRoot(document.getElementById("form")).render(
  <Form schema={spec} uiSchema={secrets} validator={validator} templates={{ ObjectFieldTemplate: Layout }} />,
);
