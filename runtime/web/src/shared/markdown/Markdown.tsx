import { Component, lazy, Suspense, type ReactNode } from "react";

import "@/shared/markdown/markdown.css";

const Rendered = lazy(() => import("@/shared/markdown/Rendered"));

/** Markdown as a document; plain text until what renders it is loaded, or when that cannot be. */
export function Markdown({ text }: { text: string }) {
  const plain = <div className="lisa-plain">{text}</div>;
  return (
    <PlainOnFailure plain={plain}>
      <Suspense fallback={plain}>
        <Rendered text={text} />
      </Suspense>
    </PlainOnFailure>
  );
}

class PlainOnFailure extends Component<{ plain: ReactNode; children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    return this.state.failed ? this.props.plain : this.props.children;
  }
}
