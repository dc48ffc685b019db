import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input, { type InputProps } from "@cloudscape-design/components/input";
import Modal from "@cloudscape-design/components/modal";
import Multiselect from "@cloudscape-design/components/multiselect";
import RadioGroup from "@cloudscape-design/components/radio-group";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useMutation } from "@tanstack/react-query";
import { type SubmitEvent, useEffect, useId, useRef, useState } from "react";

import {
  LIFETIMES,
  newTokenFields,
  type TokenFields,
  tokenProblems,
  type TokenProblems,
  wantedToken,
} from "@/features/tokens/tokenFields";
import { useApi } from "@/shared/api";
import { messageOf } from "@/shared/api/request";
import { type CreatedToken, type Scope, SCOPES } from "@/shared/api/tokens";
import { useCaller } from "@/shared/authentication/caller";

interface TokenFormProps {
  onCreated: (created: CreatedToken) => void;
  onClose: () => void;
}

/** Fills in what a new token is for. */
export function TokenForm({ onCreated, onClose }: TokenFormProps) {
  const { tokens } = useApi();
  const { groups } = useCaller();
  const form = useId();
  const [fields, setFields] = useState(() => newTokenFields(groups));
  const [shown, setShown] = useState<TokenProblems>({});
  // The secret is in the answer: it is not kept beyond this form.
  const creating = useMutation({
    mutationFn: () => tokens.create(wantedToken(fields, groups)),
    onSuccess: onCreated,
    gcTime: 0,
  });
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (creating.isPending) return;
    const problems = tokenProblems(fields);
    setShown(problems);
    if (Object.keys(problems).length === 0) creating.mutate();
  };
  return (
    <Modal
      visible
      header="Create an API token"
      closeAriaLabel="Close"
      onDismiss={({ detail }) => {
        // A click beside the form does not throw away what was typed, and a token that is being made is not lost.
        if (detail.reason !== "overlay" && !creating.isPending) onClose();
      }}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" disabled={creating.isPending} onClick={onClose}>
              Cancel
            </Button>
            <Button variant="primary" form={form} loading={creating.isPending}>
              Create token
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <form id={form} onSubmit={submit} noValidate>
        <SpaceBetween size="m">
          <Fields
            fields={fields}
            problems={shown}
            callersGroups={groups}
            onChange={(changes) => {
              setFields({ ...fields, ...changes });
              setShown({});
            }}
          />
          {creating.isError && (
            <Alert type="error" header="The token was not created">
              {messageOf(creating.error)}
            </Alert>
          )}
        </SpaceBetween>
      </form>
    </Modal>
  );
}

interface FieldsProps {
  fields: TokenFields;
  problems: TokenProblems;
  callersGroups: string[];
  onChange: (changes: Partial<TokenFields>) => void;
}

function Fields({ fields, problems, callersGroups, onChange }: FieldsProps) {
  const lifetimes = LIFETIMES.map((days) => ({ value: String(days), label: `${days} days` }));
  const scopes = SCOPES.map((value) => ({ value, label: value }));
  const groups = callersGroups.map((value) => ({ value, label: value }));
  const nameInput = useRef<InputProps.Ref>(null);
  useEffect(() => {
    // The dialog focuses its first button when it opens; a person begins with the name.
    const timer = setTimeout(() => nameInput.current?.focus());
    return () => clearTimeout(timer);
  }, []);
  return (
    <SpaceBetween size="m">
      <FormField label="Name" description="What the token is for." errorText={problems.name}>
        <Input
          value={fields.name}
          ref={nameInput}
          autoComplete={false}
          placeholder="nightly-report"
          onChange={({ detail }) => onChange({ name: detail.value })}
        />
      </FormField>
      <FormField label="Valid for" description="The token is rejected afterwards.">
        <Select
          options={lifetimes}
          selectedOption={lifetimes.find(({ value }) => value === String(fields.days)) ?? null}
          onChange={({ detail }) => onChange({ days: Number(detail.selectedOption.value) })}
        />
      </FormField>
      <FormField label="Operations">
        <RadioGroup
          value={fields.limited ? "limited" : "all"}
          items={[
            { value: "all", label: "All operations" },
            { value: "limited", label: "Selected operations", description: "Such as chat or embeddings." },
          ]}
          onChange={({ detail }) => onChange({ limited: detail.value === "limited" })}
        />
      </FormField>
      {fields.limited && (
        <FormField label="Selected operations" errorText={problems.scopes}>
          <Multiselect
            options={scopes}
            selectedOptions={scopes.filter(({ value }) => fields.scopes.includes(value))}
            placeholder="Choose operations"
            keepOpen
            onChange={({ detail }) => onChange({ scopes: detail.selectedOptions.map(({ value }) => value as Scope) })}
          />
        </FormField>
      )}
      {groups.length > 0 && (
        <FormField
          label="Groups"
          description="The token may use what these groups may use, even after you have left one."
        >
          <Multiselect
            options={groups}
            selectedOptions={groups.filter(({ value }) => fields.groups.includes(value))}
            placeholder="No groups"
            keepOpen
            onChange={({ detail }) => onChange({ groups: detail.selectedOptions.map(({ value }) => value ?? "") })}
          />
        </FormField>
      )}
    </SpaceBetween>
  );
}
