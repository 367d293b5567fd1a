{{ greenhouse_v3.stage('attachments') }}
