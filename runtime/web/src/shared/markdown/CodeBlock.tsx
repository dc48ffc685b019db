import CodeView from "@cloudscape-design/code-view/code-view";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import { useQuery } from "@tanstack/react-query";

import { loadHighlight } from "@/shared/markdown/highlight";

interface CodeBlockProps {
  code: string;
  /** As the fence names it, `python` or `ts`; empty for none. */
  language: string;
  label?: string;
}

/** Code with its language's colours, which are loaded when they are first needed, and a button that copies it. */
export function CodeBlock({ code, language, label = "Code" }: CodeBlockProps) {
  const { data: highlight } = useQuery({
    queryKey: ["highlight", language],
    queryFn: () => loadHighlight(language),
    staleTime: Infinity,
    gcTime: Infinity,
    retry: false,
  });
  return (
    <div className="lisa-code">
      <CodeView
        ariaLabel={label}
        content={code}
        wrapLines
        {...(highlight ? { highlight } : {})}
        actions={
          <CopyToClipboard
            variant="icon"
            copyButtonAriaLabel="Copy the code"
            copySuccessText="Copied"
            copyErrorText="Copying is blocked by the browser"
            textToCopy={code}
          />
        }
      />
    </div>
  );
}
