import ColumnLayout from "@cloudscape-design/components/column-layout";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import Toggle from "@cloudscape-design/components/toggle";

import { CONTAINERS, type FieldProblems, type ModelFields } from "@/features/models/modelFields";

interface ModelFormFieldsProps {
  fields: ModelFields;
  problems: FieldProblems;
  isNew: boolean;
  onChange: (changes: Partial<ModelFields>) => void;
}

const TYPES = [
  { value: "textgen", label: "Text generation" },
  { value: "embedding", label: "Embedding" },
];

export function ModelFormFields({ fields, problems, isNew, onChange }: ModelFormFieldsProps) {
  const text = (name: TextFieldName, label: string, description: string, props: { disabled?: boolean } = {}) => (
    <FormField label={label} description={description} errorText={problems[name]}>
      <Input {...props} value={fields[name]} onChange={({ detail }) => onChange({ [name]: detail.value })} />
    </FormField>
  );
  const containers = CONTAINERS[fields.modelType].map((value) => ({ value, label: value }));
  return (
    <ColumnLayout columns={2}>
      {text("modelId", "Model ID", "Model name for clients.", { disabled: !isNew })}
      {text("modelName", "Model name", "Name on Hugging Face, and prefix of its weights in the models bucket.", {
        disabled: !isNew,
      })}
      <FormField label="Type">
        <Select
          options={TYPES}
          selectedOption={TYPES.find(({ value }) => value === fields.modelType) ?? null}
          disabled={!isNew}
          onChange={({ detail }) => {
            const modelType = detail.selectedOption.value as ModelFields["modelType"];
            onChange({ modelType, inferenceContainer: CONTAINERS[modelType][0] ?? "" });
          }}
        />
      </FormField>
      <FormField label="Inference container">
        <Select
          options={containers}
          selectedOption={containers.find(({ value }) => value === fields.inferenceContainer) ?? null}
          onChange={({ detail }) => onChange({ inferenceContainer: detail.selectedOption.value ?? "" })}
        />
      </FormField>
      {text("instanceType", "Instance type", "EC2 instance type with the required GPUs.")}
      {text("baseImage", "Base image", "Base image of the container.")}
      {text("minCapacity", "Minimum instances", "Kept running when idle.")}
      {text("maxCapacity", "Maximum instances", "Under load.")}
      {fields.modelType === "textgen" && (
        <Toggle checked={fields.streaming} onChange={({ detail }) => onChange({ streaming: detail.checked })}>
          Stream answers
        </Toggle>
      )}
    </ColumnLayout>
  );
}

type TextFieldName = "modelId" | "modelName" | "instanceType" | "baseImage" | "minCapacity" | "maxCapacity";
