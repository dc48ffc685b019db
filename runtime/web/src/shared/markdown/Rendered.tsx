import Link from "@cloudscape-design/components/link";
import TextContent from "@cloudscape-design/components/text-content";
import { memo, type ReactElement, type ReactNode } from "react";
import ReactMarkdown, { type Components } from "react-markdown";
import rehypeSanitize from "rehype-sanitize";
import remarkGfm from "remark-gfm";

import { CodeBlock } from "@/shared/markdown/CodeBlock";

/**
 * What a model writes is not trusted: HTML is dropped, the tree is sanitised, and an image becomes a link, since
 * loading one would tell its server what was asked.
 */
function Rendered({ text }: { text: string }) {
  return (
    <TextContent>
      <div className="lisa-markdown">
        <ReactMarkdown skipHtml remarkPlugins={[remarkGfm]} rehypePlugins={[rehypeSanitize]} components={COMPONENTS}>
          {text}
        </ReactMarkdown>
      </div>
    </TextContent>
  );
}

export default memo(Rendered);

const COMPONENTS: Components = {
  a: ({ href = "", children }) => outside(href, children),
  img: ({ src = "", alt }) => outside(typeof src === "string" ? src : "", alt === undefined || alt === "" ? src : alt),
  pre: ({ children }) => {
    const { className = "", children: code } = (children as ReactElement<{ className?: string; children?: ReactNode }>)
      .props;
    const language = /language-([\w+#-]+)/.exec(className)?.[1] ?? "";
    return <CodeBlock code={typeof code === "string" ? code.replace(/\n$/, "") : ""} language={language} />;
  },
  table: ({ children }) => (
    <div className="lisa-table" tabIndex={0} role="region" aria-label="Table">
      <table>{children}</table>
    </div>
  ),
};

function outside(href: string, children: ReactNode) {
  return href.startsWith("#") ? (
    <>{children}</>
  ) : (
    <Link href={href} external externalIconAriaLabel="Opens in a new tab" rel="noopener noreferrer nofollow">
      {children}
    </Link>
  );
}
