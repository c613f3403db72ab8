// A form of JSON Forms 3, drawn from the schema of the connector and the UI schema beside this file.
import { useState } from 'react';
import { isEnumControl, isOneOfEnumControl, optionIs, rankWith } from '@jsonforms/core';
import {
  JsonForms,
  withJsonFormsControlProps,
  withJsonFormsEnumCellProps,
  withJsonFormsOneOfEnumCellProps,
} from '@jsonforms/react';
import { vanillaCells, vanillaRenderers } from '@jsonforms/vanilla-renderers';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { createRoot } from 'react-dom/client';

// The schema is one of draft 2020-12, which is not the validator's own choice.
const ajv = new Ajv2020({ strict: true, allErrors: true, verbose: true, useDefaults: true });
addFormats(ajv);

// The vanilla renderers have none for an object whose members have any names: NAME: VALUE, one a line.
const NamesAndValues = withJsonFormsControlProps(({ id, label, description, errors, path, visible, data, handleChange }) => {
  const [text, setText] = useState(Object.entries(data ?? {}).map(([name, value]) => `${name}: ${value}`).join('\n'));
  const write = (text) => {
    setText(text);
    const lines = text.split('\n').filter((line) => line.includes(':'));
    const pairs = lines.map((line) => [line.slice(0, line.indexOf(':')).trim(), line.slice(line.indexOf(':') + 1).trim()]);
    handleChange(path, pairs.length > 0 ? Object.fromEntries(pairs) : undefined);
  };
  if (!visible) return null;
  return (
    <div className="control">
      <label htmlFor={id}>{label}</label>
      <textarea id={id} value={text} placeholder="NAME: VALUE" onChange={(event) => write(event.target.value)} />
      <div className={errors ? 'validation validation_error' : 'input-description'}>{errors || description}</div>
    </div>
  );
});
const renderers = [
  ...vanillaRenderers,
  { tester: rankWith(10, optionIs('format', 'names-and-values')), renderer: NamesAndValues },
];

// The vanilla renderers make a text of a number that is chosen. Where the schema has no titles, in `part`, the UI schema has them.
const Choice = ({ id, data, path, options, uischema, handleChange }) => (
  <select
    id={id}
    value={options.findIndex(({ value }) => value === data)}
    onChange={(event) => handleChange(path, options[event.target.value]?.value)}
  >
    <option value={-1} />
    {options.map(({ value, label }, index) => (
      <option key={label} value={index}>{uischema.options?.titles?.[value] ?? label}</option>
    ))}
  </select>
);
const cells = [
  ...vanillaCells,
  { tester: rankWith(10, isOneOfEnumControl), cell: withJsonFormsOneOfEnumCellProps(Choice) },
  { tester: rankWith(10, isEnumControl), cell: withJsonFormsEnumCellProps(Choice) },
];

// Patterns are for programs. That a condition of the schema was not met is said by what it asked for.
const translateError = ({ keyword, message }) =>
  keyword === 'pattern' ? 'is not as described' : keyword === 'if' ? '' : message;

globalThis.draw = (element, schema, uischema, data) => {
  const onChange = (state) => {
    globalThis.formData = state.data;
    globalThis.problems = state.errors;
  };
  createRoot(element).render(
    <JsonForms
      schema={schema}
      uischema={uischema}
      data={data}
      ajv={ajv}
      renderers={renderers}
      cells={cells}
      i18n={{ translateError }}
      config={{ showUnfocusedDescription: true }}
      onChange={onChange}
    />,
  );
};
