import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";

/** A page of its own for what keeps the application from starting. */
export function StartupError({ header, message }: { header: string; message: string }) {
  return (
    <main className="lisa-center">
      <Box variant="h1" padding={{ bottom: "l" }}>
        LISA
      </Box>
      <Alert
        type="error"
        header={header}
        action={<Button onClick={() => window.location.reload()}>Reload the page</Button>}
      >
        {message}
      </Alert>
    </main>
  );
}
