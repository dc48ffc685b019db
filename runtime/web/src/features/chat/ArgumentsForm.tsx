import AttributeEditor from "@cloudscape-design/components/attribute-editor";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";

import {
  type ArgumentFields,
  argumentProblem,
  MAX_STOP_SEQUENCES,
  NUMERIC_ARGUMENTS,
} from "@/features/chat/modelArguments";

interface ArgumentsFormProps {
  fields: ArgumentFields;
  onChange: (fields: ArgumentFields) => void;
}

export function ArgumentsForm({ fields, onChange }: ArgumentsFormProps) {
  return (
    <SpaceBetween size="m">
      {NUMERIC_ARGUMENTS.map(({ name, label, description, whole }) => (
        <FormField key={name} label={label} description={description} errorText={argumentProblem(name, fields[name])}>
          <Input
            value={fields[name]}
            placeholder="The model's default"
            inputMode={whole ? "numeric" : "decimal"}
            onChange={({ detail }) => onChange({ ...fields, [name]: detail.value })}
          />
        </FormField>
      ))}
      <FormField label="Stop sequences" description="The answer ends before any of these sequences. Up to 4.">
        <StopSequences stop={fields.stop} onChange={(stop) => onChange({ ...fields, stop })} />
      </FormField>
    </SpaceBetween>
  );
}

function StopSequences({ stop, onChange }: { stop: string[]; onChange: (stop: string[]) => void }) {
  return (
    <AttributeEditor
      items={stop}
      definition={[
        {
          control: (sequence: string, index) => (
            <Input
              ariaLabel={`Stop sequence ${index + 1}`}
              value={sequence}
              onChange={({ detail }) => onChange(stop.with(index, detail.value))}
            />
          ),
        },
      ]}
      addButtonText="Add"
      removeButtonText="Remove"
      removeButtonAriaLabel={(sequence) => `Remove the stop sequence ${sequence}`}
      disableAddButton={stop.length >= MAX_STOP_SEQUENCES}
      empty="None."
      onAddButtonClick={() => onChange([...stop, ""])}
      onRemoveButtonClick={({ detail }) => onChange(stop.toSpliced(detail.itemIndex, 1))}
    />
  );
}
