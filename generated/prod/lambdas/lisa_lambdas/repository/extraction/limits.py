"""Limits of the child process that reads a document."""

from __future__ import annotations

import resource
from dataclasses import dataclass

_MIB = 2**20


@dataclass(frozen=True)
class ExtractionLimits:
    """What reading one document may use.

    The defaults fit a function of 1024 MB with 512 MB of /tmp: the document (50 MiB), an unpacked DOCX and the chunks
    are in /tmp at the same time.

    Attributes:
        processor_seconds: processor time.
        elapsed_seconds: elapsed time.
        memory_bytes: address space.
        output_bytes: UTF-8 JSON of all chunks.
        file_bytes: size of each file that is written: the chunks, or an unpacked DOCX.
        open_files: file descriptors.
    """

    processor_seconds: int
    elapsed_seconds: int
    memory_bytes: int = 640 * _MIB
    output_bytes: int = 128 * _MIB
    file_bytes: int = 160 * _MIB
    open_files: int = 32

    @classmethod
    def for_document(cls, size: int) -> ExtractionLimits:
        """Return the limits for a document of `size` bytes: 10 seconds and 10 more for each MiB, at most 180.

        The elapsed time is for a parser that waits. It allows for the 0.58 of a processor that a function of 1024 MB
        has (AWS Lambda Developer Guide, "Configure Lambda function memory") and for the start of the process.
        """
        seconds = min(10 + 10 * (size // _MIB), 180)
        return cls(processor_seconds=seconds, elapsed_seconds=30 + 3 * seconds)

    def apply(self) -> None:
        """Limit this process, without a way back; SIGXCPU ends it when its processor time is used."""
        for kind, soft, hard in (
            (resource.RLIMIT_CPU, self.processor_seconds, self.processor_seconds + 1),
            (resource.RLIMIT_AS, self.memory_bytes, self.memory_bytes),
            (resource.RLIMIT_FSIZE, self.file_bytes, self.file_bytes),
            (resource.RLIMIT_NOFILE, self.open_files, self.open_files),
            (resource.RLIMIT_NPROC, 0, 0),
            (resource.RLIMIT_CORE, 0, 0),
        ):
            allowed = resource.getrlimit(kind)[1]
            most = hard if allowed == resource.RLIM_INFINITY else min(hard, allowed)
            resource.setrlimit(kind, (min(soft, most), most))
