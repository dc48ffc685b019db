import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";

import { ApiError, messageOf } from "@/shared/api/request";
import { useCaller } from "@/shared/authentication/caller";

/** What could not be loaded, why, and the way out: to try again, or to sign in when the session has ended. */
export function QueryProblem({ what, error, onRetry }: { what: string; error: unknown; onRetry: () => void }) {
  const { signedIn, signInAgain } = useCaller();
  const isOver = signedIn && error instanceof ApiError && error.status === 401;
  return (
    <Alert
      type="error"
      header={`${what} cannot be loaded`}
      action={
        isOver ? (
          <Button onClick={signInAgain}>Sign in again</Button>
        ) : (
          <Button iconName="refresh" onClick={onRetry}>
            Try again
          </Button>
        )
      }
    >
      {messageOf(error)}
    </Alert>
  );
}
