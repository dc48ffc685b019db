/** What the scripted models say. */

const CODE = `Here is a function that counts the words of a text file:

\`\`\`python
from pathlib import Path


def count_words(path: Path) -> int:
    """Words are what white space separates."""
    return len(path.read_text(encoding="utf-8").split())
\`\`\`

It reads the file as a whole, which is fine up to some hundred megabytes. For larger files:

1. open the file and go through its **lines**;
2. add up \`len(line.split())\`.`;

const TABLE = `Both learn from data; what the data says differs.

| | Supervised | Unsupervised |
|---|---|---|
| Data | examples with labels | examples alone |
| Aim | predict the label | find structure |
| Typical use | classification, regression | clustering, reduction |`;

const STORY = Array.from({ length: 300 }, (_, index) => `Sentence ${index + 1} of a story that goes on and on.`);

/** An answer that fits the last message, and uses the context that the prompt brings. */
export function answerTo(messages) {
  const question = messages.at(-1).content;
  const prompt = messages.map(({ content }) => content).join("\n");
  if (question.includes("Rewritten question:")) return "Which colour is the door of the archive?";
  const passage = /\[[^\]]+\]\n(.+)/.exec(prompt)?.[1];
  if (passage !== undefined) return `According to the documents: ${passage}`;
  if (/long story/i.test(question)) return STORY.join(" ");
  if (/python/i.test(question)) return CODE;
  if (/compare/i.test(question)) return TABLE;
  if (/script/i.test(question))
    return 'Hello <img src="x" onerror="window.pwned = 1"><script>window.pwned = 1</script> world';
  return "A large language model is a neural network that has read a great deal of text. It predicts which words come next. With that it answers questions, writes and translates.";
}
