import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";

import { messageOf } from "@/shared/api/request";

/** What could not be loaded, why, and the way out. */
export function QueryProblem({ what, error, onRetry }: { what: string; error: unknown; onRetry: () => void }) {
  return (
    <Alert
      type="error"
      header={`${what} cannot be loaded`}
      action={
        <Button iconName="refresh" onClick={onRetry}>
          Try again
        </Button>
      }
    >
      {messageOf(error)}
    </Alert>
  );
}
