/** A text file that goes along with questions. */

export const CONTEXT_FILE_LIMIT = 10 * 1024;

export interface ContextFile {
  name: string;
  text: string;
}

/**
 * Read a file as text.
 *
 * @throws Error saying why it cannot be used: it is too large, or not UTF-8 text.
 */
export async function readContextFile(file: File): Promise<ContextFile> {
  if (file.size > CONTEXT_FILE_LIMIT) {
    throw new Error(`${file.name} is larger than 10 KB. Upload larger documents to a repository instead.`);
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    throw new Error(`${file.name} is not a text file in UTF-8.`);
  }
  if (text.includes("\0")) throw new Error(`${file.name} is not a text file.`);
  if (text.trim() === "") throw new Error(`${file.name} is empty.`);
  return { name: file.name, text };
}
