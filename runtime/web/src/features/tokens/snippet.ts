/** What a program has to be to use a token: its secret stays out of the source, in an environment variable. */

export const VARIABLE = "LISA_API_TOKEN";

/** A program with the OpenAI library that asks a model one question. */
export function openAiSnippet(gatewayUrl: string, model: string): string {
  return `import os

from openai import OpenAI

client = OpenAI(
    base_url=${JSON.stringify(gatewayUrl)},
    api_key=os.environ["${VARIABLE}"],
)
answer = client.chat.completions.create(
    model=${JSON.stringify(model)},
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.choices[0].message.content)`;
}
