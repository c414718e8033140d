import ArgumentParser
import Glibc

extension LedgerCommand {
    /// Performs the command and turns what went wrong into a message and an exit code.
    mutating func run() async throws {
        // A reader that goes away is seen as EPIPE, which `Output` takes quietly.
        signal(SIGPIPE, SIG_IGN)
        defer { Progress.standard.clear() }
        do {
            do {
                try await perform()
            } catch {
                try Output.standard.flush()
                throw error
            }
            try Output.standard.flush()
        } catch is Output.Closed {
            return
        } catch let error
            where error is ExitCode || error is CleanExit || error is ValidationError
        {
            throw error
        } catch {
            let failure = Failure(error)
            Progress.standard.message("error: \(failure.message)")
            throw ExitCode(failure.kind.rawValue)
        }
    }
}
