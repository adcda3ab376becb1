import AttendanceCore

/// How credentials are sealed and compared, wherever they come from.
package struct CredentialSeal: Sendable {
    private let vault: Vault

    package init(vault: Vault) { self.vault = vault }

    package func seal(
        _ content: CredentialContent, of person: PersonKey, algorithm: String?, from terminal: SerialNumber?,
        at now: UnixTime
    ) throws(VaultError) -> SealedCredential {
        let digests = try digests(content, of: person)
        let facts = CredentialFacts(
            slot: content.slot, kind: content.kind, algorithm: content.kind.isTemplate ? algorithm : nil,
            digest: digests.own, cardDigest: digests.card, size: content.bytes.count, source: terminal,
            at: now)
        return SealedCredential(
            person: person, facts: facts,
            sealed: try vault.seal(
                content.bytes, for: VaultContext.credential(of: person, slot: content.slot)))
    }

    /// Throws `VaultError`; also for content that cannot have been kept.
    package func open(_ sealed: SealedCredential) throws(VaultError) -> CredentialContent {
        let context = VaultContext.credential(of: sealed.person, slot: sealed.facts.slot)
        let bytes = try vault.open(sealed.sealed, for: context)
        do {
            return try CredentialContent(
                slot: sealed.facts.slot, record: String(decoding: bytes, as: UTF8.self))
        } catch {
            throw .notAuthentic(context: context)
        }
    }

    /// Of a person's own credential in its slot; and of a card also by its number alone.
    package func digests(_ content: CredentialContent, of person: PersonKey) throws(VaultError) -> (
        own: [UInt8], card: [UInt8]?
    ) {
        let own = try vault.digest(
            content.comparable, for: VaultContext.credential(of: person, slot: content.slot))
        let card = content.kind == .card ? try vault.digest(content.comparable, for: "card") : nil
        return (own, card)
    }

    /// The same row by the vault's current key.
    package func resealed(_ row: SealedRow) throws(VaultError) -> ResealedRow {
        let bytes = try vault.open(row.sealed, for: row.context)
        let sealed = try vault.seal(bytes, for: row.context)
        guard let (person, slot) = row.credential else { return ResealedRow(row: row, sealed: sealed) }
        let content: CredentialContent
        do {
            content = try CredentialContent(slot: slot, record: String(decoding: bytes, as: UTF8.self))
        } catch {
            throw .notAuthentic(context: row.context)
        }
        let digests = try digests(content, of: person)
        return ResealedRow(row: row, sealed: sealed, digest: digests.own, card: digests.card)
    }
}
