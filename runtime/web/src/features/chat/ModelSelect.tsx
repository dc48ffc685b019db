import Select, { type SelectProps } from "@cloudscape-design/components/select";

import type { ServedModel } from "@/shared/servedModels";

interface ModelSelectProps {
  models: ServedModel[];
  loading: boolean;
  chosen: ServedModel | null;
  disabled: boolean;
  onChoose: (modelId: string) => void;
}

export function ModelSelect({ models, loading, chosen, disabled, onChoose }: ModelSelectProps) {
  return (
    <Select
      ariaLabel="Model"
      placeholder="Choose a model"
      options={models.map(optionOf)}
      selectedOption={chosen && optionOf(chosen)}
      disabled={disabled}
      expandToViewport
      filteringType={models.length > 8 ? "auto" : "none"}
      statusType={loading ? "loading" : "finished"}
      loadingText="Loading the models"
      empty="No text generation model is configured."
      noMatch="No matching model."
      onChange={({ detail }) => onChoose(detail.selectedOption.value ?? "")}
    />
  );
}

function optionOf({ id, available }: ServedModel): SelectProps.Option {
  return { value: id, label: id, disabled: !available, ...(available ? {} : { description: "Not available" }) };
}
