import AttendanceCore
import AttendanceStore
import Foundation

/// Seals what terminals show of people, before anything of it is stored.
package final class CredentialIntake: Sendable {
    private let vault: Vault
    private let store: any Store
    private let space: @Sendable (SerialNumber) -> String
    private let now: @Sendable () -> UnixTime
    private let kept: @Sendable (SerialNumber, KeptEnrolments) -> Void

    /// - `space`: the id space of a terminal.
    /// - `kept`: told after the commit that kept something new.
    package init(
        vault: Vault, store: any Store, space: @escaping @Sendable (SerialNumber) -> String,
        now: @escaping @Sendable () -> UnixTime,
        kept: @escaping @Sendable (SerialNumber, KeptEnrolments) -> Void = { _, _ in }
    ) {
        self.vault = vault
        self.store = store
        self.space = space
        self.now = now
        self.kept = kept
    }

    /// Keeps what a terminal shows, sealed. Throws `VaultError` and `StoreError`; then nothing is kept.
    ///
    /// - `isPush`: whether the terminal sent it by itself.
    /// - `isCollected`: false where only what the terminal holds is noted, and the content forgotten.
    package func take(
        _ enrolment: Enrolment, from terminal: SerialNumber, isPush: Bool, isCollected: Bool = true
    ) async throws {
        let at = now()
        let person = PersonKey(space: space(terminal), enrollID: enrolment.enrollID)
        let credential = try enrolment.content.map {
            try seal(
                $0, of: person, algorithm: enrolment.algorithm, from: terminal,
                at: at)
        }
        let result = try await store.keep([
            SealedEnrolment(
                terminal: terminal, person: person, name: enrolment.name, role: enrolment.role,
                credential: credential, isCollected: isCollected, isPush: isPush, at: at)
        ])
        kept(terminal, result)
    }

    package func seal(
        _ content: CredentialContent, of person: PersonKey, algorithm: String?, from terminal: SerialNumber?,
        at now: UnixTime
    ) throws(VaultError) -> SealedCredential {
        try CredentialSeal(vault: vault).seal(
            content, of: person, algorithm: algorithm, from: terminal, at: now)
    }

    /// The photos of a batch that are JPEGs, sealed; of others nothing is kept.
    func sealedPhotos(of batch: IntakeBatch) throws(VaultError) -> [SealedPunchPhoto] {
        var sealed: [SealedPunchPhoto] = []
        for photo in batch.photos where batch.punches.indices.contains(photo.punch) {
            guard let jpeg = photo.jpeg else { continue }
            let punch = batch.punches[photo.punch]
            let context = VaultContext.photo(
                at: batch.terminal, of: punch.enrollID, time: punch.time, event: punch.identityEvent)
            sealed.append(
                SealedPunchPhoto(
                    punch: photo.punch, size: jpeg.count, sealed: try vault.seal(jpeg, for: context)))
        }
        return sealed
    }
}

extension PunchPhoto {
    /// Nil for what is no JPEG in base64.
    fileprivate var jpeg: [UInt8]? {
        var base64 = text[...]
        if base64.starts(with: "data:".utf8), let comma = base64.firstIndex(of: UInt8(ascii: ",")) {
            base64 = base64[(comma + 1)...]
        }
        // Writers that escape slashes, or break lines, do no harm to what it means.
        let clean = base64.filter { $0 > 0x20 && $0 != UInt8(ascii: "\\") }
        guard let bytes = Data(base64Encoded: Data(clean)), bytes.starts(with: [0xFF, 0xD8, 0xFF]) else {
            return nil
        }
        return Array(bytes)
    }
}
