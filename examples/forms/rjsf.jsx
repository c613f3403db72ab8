// A form of react-jsonschema-form 6, drawn from the schema of the connector and the UI schema beside this file.
import Form, { getDefaultRegistry } from '@rjsf/core';
import { customizeValidator } from '@rjsf/validator-ajv8';
import Ajv2020 from 'ajv/dist/2020.js';
import { createRoot } from 'react-dom/client';

// The schema is one of draft 2020-12, which is not the validator's own choice.
const validator = customizeValidator({ AjvClass: Ajv2020 });

// An object is drawn group by group, where its UI schema names groups.
const { ObjectFieldTemplate: Plain } = getDefaultRegistry().templates;
function Groups(props) {
  const { groups } = props.uiSchema?.['ui:options'] ?? {};
  if (!groups) return <Plain {...props} />;
  return groups.map(({ title, fields }) => {
    const properties = fields.map((name) => props.properties.find((property) => property.name === name));
    return <Plain key={title} {...props} title={title} description="" properties={properties} />;
  });
}

// Patterns are for programs. That a condition of the schema was not met is said by what it asked for.
const transformErrors = (errors) =>
  errors
    .filter(({ name }) => name !== 'if')
    .map((error) => (error.name === 'pattern' ? { ...error, message: 'is not as described' } : error));

globalThis.draw = (element, schema, uiSchema, formData) => {
  const onChange = (event) => {
    globalThis.formData = event.formData;
    globalThis.problems = event.errors;
  };
  createRoot(element).render(
    <Form
      schema={schema}
      uiSchema={uiSchema}
      formData={formData}
      validator={validator}
      transformErrors={transformErrors}
      templates={{ ObjectFieldTemplate: Groups }}
      onChange={onChange}
      liveValidate
      noHtml5Validate
      showErrorList={false}
    />,
  );
};
