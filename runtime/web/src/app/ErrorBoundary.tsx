import { Component, type ReactNode } from "react";

import { StartupError } from "@/app/StartupError";
import { messageOf } from "@/shared/api/request";

/** Shows what broke instead of an empty page. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { message: string | null }> {
  override state: { message: string | null } = { message: null };

  static getDerivedStateFromError(error: unknown) {
    return { message: messageOf(error) };
  }

  override render() {
    const { message } = this.state;
    return message === null ? this.props.children : <StartupError header="An error occurred" message={message} />;
  }
}
