import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";

interface AlternativesProps {
  count: number;
  chosen: number;
  onChoose: (alternative: number) => void;
}

/** Turns the pages of the alternative answers; the one in sight is what the conversation goes on with. */
export function Alternatives({ count, chosen, onChoose }: AlternativesProps) {
  return (
    <SpaceBetween direction="horizontal" size="xxs" alignItems="center">
      <Button
        variant="icon"
        iconName="angle-left"
        ariaLabel="Previous answer"
        disabled={chosen === 0}
        onClick={() => onChoose(chosen - 1)}
      />
      <Box variant="small">
        Answer {chosen + 1} of {count}
      </Box>
      <Button
        variant="icon"
        iconName="angle-right"
        ariaLabel="Next answer"
        disabled={chosen === count - 1}
        onClick={() => onChoose(chosen + 1)}
      />
    </SpaceBetween>
  );
}
