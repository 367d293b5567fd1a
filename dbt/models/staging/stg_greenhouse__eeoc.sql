{{ greenhouse_v3.stage('eeoc') }}
